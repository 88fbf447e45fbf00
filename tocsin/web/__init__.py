"""The pages: templates, style, scripts, and what they are filled with."""

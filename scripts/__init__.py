"""Helpers of the tree that are not shipped: set-up, and the pages that are written from the code."""

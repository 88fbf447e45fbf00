"""The quality benchmark: a folder of data in, `pages.csv` and `scores.csv.gz` out, and a table where truth is there."""

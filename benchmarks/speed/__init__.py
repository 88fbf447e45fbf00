"""Speed: what a point costs in time and bytes, beside the memory limit of the machine and beside other libraries."""

"""What operators write: files with places, checked as a whole, as frozen values."""

"""Files of samples: rows of CSV and Parquet, lines of JSON, put into event-time order."""

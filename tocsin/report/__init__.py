"""What a backtest found: figures against labels, goals, comparison, and the page that shows them."""

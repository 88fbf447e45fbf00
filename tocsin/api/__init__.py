"""What people and programs ask over HTTP: management, metrics, the API and the pages."""

"""From one record to its samples: times, labels, numbers, and the exact reason where one is refused."""

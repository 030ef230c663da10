"""A random forest on a table: what differs from images, from its data to its smoke tests."""

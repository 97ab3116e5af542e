"""The private API of the workspace's web page."""

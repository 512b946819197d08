"""Callbacks that carry the figures of a search to where a team looks at them, and how a user's own is named."""

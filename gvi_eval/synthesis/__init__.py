"""Effects of several studies side by side or pooled: declared in a synthesis.toml, traced to panels, written as a page."""

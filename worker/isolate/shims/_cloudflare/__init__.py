"""What production's runtime offers to the official SDK's patches of packages."""

__all__: list[str] = []

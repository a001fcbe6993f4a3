"""One collector per system: each looks once when asked, and raises when its system is away."""

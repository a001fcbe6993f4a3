"""Looks: one collector per system, which raises when its system is away, and a sampler that asks it again and again."""

"""The pages: NiceGUI, one module each; what they show comes from snapshot and services, never from a system itself."""

"""Guards the console: who may look, who may write, which page may call, what is hidden."""

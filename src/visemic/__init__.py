"""Voice and 3D facial animation from text or speech."""

__version__ = "0.1.0"

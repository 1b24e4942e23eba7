"""From logits to text: filters.py, sampling.py, generate.py, in this order."""

from .filters import temperature, top_k, top_p
from .sampling import distribution, set_seed

__all__ = ["distribution", "set_seed", "temperature", "top_k", "top_p"]

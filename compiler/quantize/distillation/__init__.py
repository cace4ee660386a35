"""The side of distillation that needs torch; `quantize/distill.py` imports it on use."""

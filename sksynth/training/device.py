"""Where and in which precision a network trains."""

import torch

PRECISIONS = ("auto", "float32", "bf16")


def resolve_device(device):
    """Device for ``"auto"`` or a torch device name; refused if it is not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device={device!r} cannot be used ({error}); allowed are 'auto', 'cpu' "
            "and the devices that torch finds on this machine"
        ) from None
    return resolved


def uses_bf16(precision, device):
    """Whether training on ``device`` runs under bfloat16 autocast.

    ``"auto"`` is bfloat16 where the hardware has instructions for it.
    """
    if precision != "auto":
        return precision == "bf16"
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported()
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # not in old torch
    return any(capabilities.get(key) for key in ("avx512_bf16", "amx_bf16", "bf16"))

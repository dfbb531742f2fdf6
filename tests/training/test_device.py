import pytest
import torch

from sksynth.training.device import resolve_device, uses_bf16


def test_auto_is_the_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("cuda")


@pytest.mark.parametrize("device", ["cuda:99", "no device", "", "gpu"])
def test_a_device_that_is_not_there_is_refused(device):
    message = f"device={device!r} cannot be used .*allowed are 'auto', 'cpu'"
    with pytest.raises(ValueError, match=message):
        resolve_device(device)


def test_the_cpu_is_always_there():
    assert resolve_device("cpu") == torch.device("cpu")


def test_auto_precision_is_bf16_where_the_hardware_has_it(monkeypatch):
    assert uses_bf16("bf16", "cpu")
    assert not uses_bf16("float32", "cuda")
    for has_bf16 in (True, False):
        found = {"avx512_f": True, "avx512_bf16": has_bf16}
        # raising=False: torch 2.6 has no such function
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda f=found: f, raising=False
        )
        assert uses_bf16("auto", "cpu") is has_bf16
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda h=has_bf16: h)
        assert uses_bf16("auto", "cuda") is has_bf16

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sksynth.nn.transformer import Cache, Transformer


def test_a_layer_is_that_of_torch():
    torch.manual_seed(0)
    ours = Transformer(8, 1, 2, expansion=3).eval()
    peer = nn.TransformerEncoderLayer(
        8, 2, 24, dropout=0, activation="gelu", batch_first=True, norm_first=True
    ).eval()
    peer.norm1, peer.norm2 = (nn.RMSNorm(8) for _ in range(2))
    layer = ours.layers[0]
    pairs = {
        "self_attn.in_proj_weight": layer.to_attention.weight,
        "self_attn.in_proj_bias": layer.to_attention.bias,
        "self_attn.out_proj.weight": layer.from_attention.weight,
        "self_attn.out_proj.bias": layer.from_attention.bias,
        "linear1.weight": layer.to_hidden.weight,
        "linear1.bias": layer.to_hidden.bias,
        "linear2.weight": layer.from_hidden.weight,
        "linear2.bias": layer.from_hidden.bias,
        "norm1.weight": layer.before_attention.weight,
        "norm2.weight": layer.before_hidden.weight,
    }
    peer.load_state_dict(pairs)
    h = torch.randn(3, 5, 8)
    with torch.no_grad():  # its fast path knows LayerNorm alone
        torch.backends.mha.set_fastpath_enabled(False)
        expected = ours.norm(peer(h))
        torch.backends.mha.set_fastpath_enabled(True)
        torch.testing.assert_close(ours(h), expected)


def test_a_layer_with_a_context_is_that_of_torch():
    torch.manual_seed(0)
    ours = Transformer(8, 1, 2, expansion=3, causal=True, context=True).eval()
    peer = nn.TransformerDecoderLayer(
        8, 2, 24, dropout=0, activation="gelu", batch_first=True, norm_first=True
    ).eval()
    peer.norm1, peer.norm2, peer.norm3 = (nn.RMSNorm(8) for _ in range(3))
    layer = ours.layers[0]
    for norm in (layer.before_attention, layer.before_context, layer.before_hidden):
        nn.init.normal_(norm.weight)
    of_context = (layer.to_query, layer.to_context)
    pairs = {
        "self_attn.in_proj_weight": layer.to_attention.weight,
        "self_attn.in_proj_bias": layer.to_attention.bias,
        "self_attn.out_proj.weight": layer.from_attention.weight,
        "self_attn.out_proj.bias": layer.from_attention.bias,
        "multihead_attn.in_proj_weight": torch.cat([m.weight for m in of_context]),
        "multihead_attn.in_proj_bias": torch.cat([m.bias for m in of_context]),
        "multihead_attn.out_proj.weight": layer.from_context.weight,
        "multihead_attn.out_proj.bias": layer.from_context.bias,
        "linear1.weight": layer.to_hidden.weight,
        "linear1.bias": layer.to_hidden.bias,
        "linear2.weight": layer.from_hidden.weight,
        "linear2.bias": layer.from_hidden.bias,
        "norm1.weight": layer.before_attention.weight,
        "norm2.weight": layer.before_context.weight,
        "norm3.weight": layer.before_hidden.weight,
    }
    peer.load_state_dict(pairs)
    h, context = torch.randn(3, 5, 8), torch.randn(3, 7, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    expected = ours.norm(peer(h, context, tgt_mask=mask))
    torch.testing.assert_close(ours(h, context), expected)


@pytest.mark.parametrize("causal", [True, False])
def test_only_a_causal_one_does_not_see_what_comes(causal):
    torch.manual_seed(0)
    transformer = Transformer(8, 2, 2, causal=causal).eval()
    h = torch.randn(2, 6, 8)
    changed = h.clone()
    changed[:, 4] += 1
    before, after = transformer(h), transformer(changed)
    assert torch.allclose(before[:, :4], after[:, :4], atol=1e-6) == causal
    assert not torch.allclose(before[:, 4:], after[:, 4:])


@pytest.mark.parametrize("has_context", [True, False])
@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_positions_fed_in_parts_are_those_of_the_whole(has_context, sizes):
    torch.manual_seed(0)
    transformer = Transformer(8, 2, 2, causal=True, context=has_context).eval()
    h, context = torch.randn(3, sum(sizes), 8), None
    if has_context:
        context = torch.randn(3, 4, 8)
    cache = Cache(sum(sizes) + 1)
    with torch.no_grad():
        parts = [transformer(part, context, cache) for part in h.split(sizes, dim=1)]
        whole = transformer(h, context)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=0, atol=1e-5)


def test_a_cache_keeps_the_context():
    torch.manual_seed(0)
    transformer = Transformer(8, 2, 2, causal=True, context=True).eval()
    h, context, cache = torch.randn(3, 4, 8), torch.randn(3, 5, 8), Cache(4)
    first = transformer(h[:, :1], context, cache)
    rest = transformer(h[:, 1:], None, cache)
    found = torch.cat([first, rest], dim=1)
    torch.testing.assert_close(found, transformer(h, context))


def test_a_cache_says_when_it_is_full():
    transformer, cache = Transformer(8, 1, 2, causal=True).eval(), Cache(4)
    transformer(torch.randn(2, 4, 8), cache=cache)
    with pytest.raises(ValueError, match="of 4 positions that holds 4 got 1 more"):
        transformer(torch.randn(2, 1, 8), cache=cache)


def test_without_a_context_there_are_no_weights_for_one():
    names = {name.split(".")[0] for name in Transformer(8, 1, 2).layers[0].state_dict()}
    assert names == {
        *("before_attention", "to_attention", "from_attention"),
        *("before_hidden", "to_hidden", "from_hidden"),
    }


def test_dropout_acts_in_training_alone():
    torch.manual_seed(0)
    transformer = Transformer(8, 1, 2, dropout=0.5)
    h = torch.randn(2, 6, 8)
    assert not torch.equal(transformer(h), transformer(h))
    assert torch.equal(transformer.eval()(h), transformer(h))


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.999])
def test_dropout_keeps_the_mean(share):
    torch.manual_seed(0)
    layer = Transformer(8, 1, 2, dropout=share).train().layers[0]
    dropped = layer._drop(torch.ones(999, 1001))
    kept = dropped != 0
    error = 4 * (share * (1 - share) / kept.numel()) ** 0.5  # 4 standard errors
    assert kept.float().mean().item() == pytest.approx(1 - share, abs=error)
    torch.testing.assert_close(dropped.max().item(), 1 / (1 - share), rtol=0.01, atol=0)
    assert dropped.unique().numel() == 2
    for n in range(1, 9):  # no two positions fall together
        both = (kept.flatten()[n:] & kept.flatten()[:-n]).float().mean().item()
        assert both == pytest.approx((1 - share) ** 2, abs=0.003)


def test_under_bf16_it_is_near_float32_and_warns_of_nothing():
    h = torch.randn(2, 5, 8)
    transformer = Transformer(8, 2, 2, causal=True)
    with torch.autocast("cpu", torch.bfloat16):
        found = transformer(h.bfloat16())  # as a layer of autocast makes it
    torch.testing.assert_close(found.float(), transformer(h), rtol=0.05, atol=0.05)

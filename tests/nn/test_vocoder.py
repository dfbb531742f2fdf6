import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from sksynth.nn import vocoder
from sksynth.nn.mel_vqvae import StandardLogMel
from sksynth.nn.melgan import MelGANGenerator, MultiScaleDiscriminator
from sksynth.nn.sequence_prior import OptionalFeatures
from sksynth.nn.vocoder import FrameConditions, MelGAN
from sksynth.spectral import LogMel, stft
from sksynth.training.net import LossNet

N_MELS, HOP = 6, 8


def generator(n_channels=1, n_more=0):
    sizes = {"width": 16, "upsampling": (4, 2), "n_blocks": 2, "limit": 5.0}
    return MelGANGenerator(N_MELS * n_channels + n_more, n_channels, **sizes)


def small(n_channels=1, **options):
    torch.manual_seed(0)
    return MelGAN(
        StandardLogMel(LogMel(8_000, 32, HOP, N_MELS), n_channels),
        generator(n_channels),
        MultiScaleDiscriminator(n_channels, 4, 8),
        **{"n_frames_a_step": 4, **options},
    )


def scaled(network):
    network.front.fit([signals()])
    return network


def signals(n=5, n_channels=1, n_frames=12, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, n_channels, n_frames * HOP, generator=rng)


def test_losses_from_scores_and_features_equal_hand_values():
    def scales(first, second, scores):
        return [
            [torch.tensor(f) for f in (*features, score)]
            for features, score in zip((first, second), scores, strict=True)
        ]

    real = scales([[1.0, 2.0], [3.0]], [[0.0, 0.0], [1.0]], ([0.5, 2.0], [-1.0]))
    fake = scales([[2.0, 4.0], [3.5]], [[0.0, 1.0], [-1.0]], ([-3.0, 1.0], [0.5]))
    # (0.5 + 0)/2 + 2, and (0 + 2)/2 + 1.5
    assert vocoder._hinge(real, fake).item() == pytest.approx(2.25 + 2.5)
    # 1.5 + 0.5 and 0.5 + 2; scores take no part
    found = vocoder._feature_distance(real, fake).item()
    assert found == pytest.approx(4 / 5 / 2 * 4.5)


class Fixed(nn.Module):
    """Scores and features that are multiples of the signal's first value."""

    def forward(self, x):
        value = x[:, 0, :1]
        return [[2 * value, 100 + value, k * value] for k in (1, 2, 3)]


def test_the_parts_of_the_loss_are_weighted_as_asked():
    network = small(feature_weight=7.0, mel_weight=3.0, stft_weight=2.0)
    network.discriminators = Fixed()
    network.eval()
    x = signals()
    losses = network(x)
    real, bands = network._segments(x, network.front.raw(x))
    fake = network.vocode(bands)
    a, b = real[:, 0, 0], fake[:, 0, 0]
    expected = {
        "generator": -6 * b.mean(),
        "discriminator": sum(
            (1 - k * a).clamp(min=0).mean() + (1 + k * b).clamp(min=0).mean()
            for k in (1, 2, 3)
        ),
        "features": 4 / 5 / 3 * 3 * 3 * (a - b).abs().mean(),
        "mel": (network.front.raw(real) - network.front.raw(fake)).abs().mean(),
        "stft": network._spectral_distance(real, fake),
    }
    assert losses.keys() == {"loss", *expected}
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)
    total = expected["generator"] + expected["discriminator"]
    total = total + 7 * expected["features"] + 3 * expected["mel"]
    torch.testing.assert_close(losses["loss"], total + 2 * expected["stft"])
    assert "stft" not in small()(x)  # costs time
    network.discriminators = None
    losses = network(x)
    assert losses.keys() == {"loss", "mel", "stft"}
    total = 3 * expected["mel"] + 2 * expected["stft"]
    torch.testing.assert_close(losses["loss"], total)


def test_the_spectral_distance_is_a_mean_over_windows_of_five_lengths():
    network = small()
    x, y = signals(2, n_frames=20), signals(2, n_frames=20, seed=1)
    expected = 0
    for n_fft in (4, 8, 16, 32, 64):
        a, b = (stft(s, n_fft, n_fft // 4, hann=True).abs() for s in (x, y))
        a, b = (s.clamp(min=1e-3).log10() for s in (a, b))
        expected = expected + (a - b).abs().mean() / 5
    torch.testing.assert_close(network._spectral_distance(x, y), expected)
    ten = network._spectral_distance(x, 10 * x)
    torch.testing.assert_close(ten, torch.tensor(1.0), rtol=1e-3, atol=0)
    zeros = torch.zeros_like(x).requires_grad_()
    network._spectral_distance(x, zeros).backward()
    assert zeros.grad.isfinite().all()


def test_each_network_gets_the_gradient_of_its_own_loss_alone():
    network, x = small(mel_weight=2.0, stft_weight=1.0).eval(), signals()
    for scale in network.discriminators.scales:
        scale.last.gain.data *= 200  # scores on both sides of 1
    network(x)["loss"].backward()

    real, bands = network._segments(x, network.front.raw(x))
    fake = network.vocode(bands)
    of_real, of_fake = network.discriminators(real), network.discriminators(fake)
    loss_d = sum(
        (1 - a[-1]).relu().mean() + (1 + b[-1]).relu().mean()
        for a, b in zip(of_real, of_fake, strict=True)
    )
    loss_g = -sum(b[-1].mean() for b in of_fake)
    for a, b in zip(of_real, of_fake, strict=True):
        for p, q in zip(a[:-1], b[:-1], strict=True):
            loss_g = loss_g + 10 * 4 / 15 * (p - q).abs().mean()
    loss_g = (
        loss_g + 2 * (network.front.raw(real) - network.front.raw(fake)).abs().mean()
    )
    loss_g = loss_g + network._spectral_distance(real, fake)
    for module, loss in ((network.discriminators, loss_d), (network.generator, loss_g)):
        weights = list(module.parameters())
        expected = torch.autograd.grad(loss, weights, retain_graph=True)
        assert sum(g.abs().max() > 0 for g in expected) > 0.7 * len(weights)
        for weight, gradient in zip(weights, expected, strict=True):
            torch.testing.assert_close(weight.grad, gradient, rtol=1e-4, atol=1e-6)


def starts(x, segments):
    """Frames where segments of noise begin."""
    found = []
    for row, segment in zip(x[:, 0], segments[:, 0], strict=True):
        found += [t for t in range(len(row)) if torch.equal(row[t:][:32], segment)]
    return np.array(found)


def test_a_step_sees_random_segments_and_a_validation_those_in_the_middle():
    network, x = small(2), signals(200, 2)
    bands = network.front.raw(x)
    state = torch.get_rng_state()
    segments, frames = network.eval()._segments(x, network.front.raw(x))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(segments, x[:, :, 4 * HOP : 8 * HOP])
    assert torch.equal(frames, bands[:, :, 4:8])
    network.train()
    torch.manual_seed(3)
    segments, frames = network._segments(x, network.front.raw(x))
    first = starts(x, segments)
    assert set(first) == {HOP * t for t in range(9)}  # each frame that can be first
    for row, t in enumerate(first // HOP):
        assert torch.equal(frames[row], bands[row, :, t : t + 4])
        assert torch.equal(segments[row, 1], x[row, 1, t * HOP : (t + 4) * HOP])
    assert not np.array_equal(
        starts(x, network._segments(x, network.front.raw(x))[0]), first
    )
    torch.manual_seed(3)
    assert np.array_equal(
        starts(x, network._segments(x, network.front.raw(x))[0]), first
    )


def test_short_signals_are_seen_whole():
    network, x = small(n_frames_a_step=30), signals()
    segments, frames = network._segments(x, network.front.raw(x))
    assert segments is x and torch.equal(frames, network.front.raw(x))
    assert all(loss.isfinite() for loss in network(x).values())


def test_vocoded_signals_have_the_length_of_any_spectrogram():
    network = small(2).eval()
    state = torch.get_rng_state()
    for n_frames in (1, 2, 5, 40):
        bands = torch.zeros(3, 2 * N_MELS, n_frames)
        assert network.vocode(bands).shape == (3, 2, n_frames * HOP)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
def test_copies_give_the_same_signals_and_losses(copied):
    network, x = scaled(small()).eval(), signals()
    network(x)["loss"].backward()
    other = copied(network)
    assert torch.equal(
        other.vocode(other.front.raw(x)), network.vocode(network.front.raw(x))
    )
    assert torch.equal(other(x)["loss"], network(x)["loss"])


def test_a_network_built_without_memory_takes_the_weights_of_another():
    network, x = scaled(small()).eval(), signals()
    with torch.device("meta"):
        empty = small().eval()
    empty.load_state_dict(network.state_dict(), assign=True)
    assert not any(t.is_meta for t in (*empty.parameters(), *empty.buffers()))
    assert torch.equal(empty(x)["loss"], network(x)["loss"])
    assert torch.equal(
        empty.vocode(empty.front.raw(x)), network.vocode(network.front.raw(x))
    )


def test_autocast_changes_losses_by_its_rounding_alone():
    network, x = scaled(small(stft_weight=1.0)).eval(), signals()
    expected = network(x)
    with torch.autocast("cpu", torch.bfloat16):
        found = network(x)
    for name, loss in expected.items():
        assert found[name].dtype == torch.float32
        torch.testing.assert_close(found[name], loss, rtol=0.05, atol=0.02)


def test_training_brings_spectrograms_near_to_those_asked_for():
    rng = np.random.default_rng(0)
    hertz, phase = rng.uniform(200, 3_200, 8), rng.uniform(0, 2 * np.pi, 8)
    time = np.arange(20 * HOP) / 8_000
    x = 2**0.5 * np.sin(2 * np.pi * hertz[:, None] * time + phase[:, None])
    x = torch.tensor(x[:, None], dtype=torch.float32)
    network = small(mel_weight=10.0, n_frames_a_step=16)
    network.front.fit([x])
    before = network.eval()(x)["mel"]
    torch.manual_seed(0)
    net = LossNet(network, max_epochs=30, batch_size=8, lr=1e-2, betas=(0.5, 0.9))
    net.fit({"x": x})
    assert network.eval()(x)["mel"] < 0.7 * before
    assert {"train_mel", "train_discriminator"} <= net.curves().keys()


def test_loudness_and_spikes_have_their_own_weights():
    network, x = small(n_frames_a_step=16).eval(), signals(n_frames=16)
    fake, without = network.vocode(network.front.raw(x)), network(x)
    assert not {"rms", "spikes"} & without.keys()
    network.rms_weight, network.spike_weight = 2.0, 3.0
    losses = network(x)
    rms = (x.unfold(-1, 8, 4).square().mean(-1) ** 0.5).log10()
    of_fake = (fake.unfold(-1, 8, 4).square().mean(-1) ** 0.5).log10()
    torch.testing.assert_close(losses["rms"], (rms - of_fake).abs().mean())
    expected = vocoder._spike_distance(x, fake, 8)
    torch.testing.assert_close(losses["spikes"], expected)
    total = without["loss"] + 2 * losses["rms"] + 3 * losses["spikes"]
    torch.testing.assert_close(losses["loss"], total)


def noise_with_spikes(where, height=12.0):
    """Smooth noise of deviation 1 in hops of 256, with spikes of 8 samples."""
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, 8192))).float()
    x = vocoder._box(x, 9)
    x = x / x.std()
    for t in where:
        x[..., t : t + 8] += height
    return x


def test_spikes_count_and_not_where_they_are():
    few, moved = noise_with_spikes([700, 5100]), noise_with_spikes([1200, 5600])
    many = noise_with_spikes(range(300, 8000, 500))
    near, far = (vocoder._spike_distance(few, x, 256) for x in (moved, many))
    assert near < 0.3 * far
    pairs = zip(vocoder._pulses(few, 256), vocoder._pulses(many, 256), strict=True)
    size, is_spike = ((a - b).abs().mean() for a, b in pairs)
    torch.testing.assert_close(far, size + 3 * is_spike)
    assert vocoder._spike_distance(few, few, 256) == 0


def test_a_pulse_is_a_spike_above_four_deviations_of_the_noise():
    x = noise_with_spikes([])
    assert vocoder._pulses(x, 256)[1].max() < 0.6  # the largest of 128 is near 3
    size, is_spike = vocoder._pulses(noise_with_spikes([4124], height=20.0), 256)
    assert (is_spike > 0.99).sum() == 2  # of a block that two windows have
    assert (is_spike[..., 1:] > 0.9).sum() == 0  # in the first place of its window
    assert size[..., 0].argmax() in (3, 4, 7, 8)
    pulses = (vocoder._box(x, 9) - vocoder._box(x, 85)).abs()
    sigma = pulses.median() / 0.6745
    peak = pulses.unflatten(-1, (-1, 64)).amax(-1)[..., :16].sort(descending=True)[0]
    torch.testing.assert_close(vocoder._pulses(x, 256)[0][:, :, 0], peak.log10())
    expected = torch.sigmoid((peak / sigma - 4) / 0.5)
    torch.testing.assert_close(vocoder._pulses(x, 256)[1][:, :, 0], expected)


def test_silence_and_signals_shorter_than_a_hop_have_finite_gradients():
    for shape in ((2, 1, 512), (1, 2, 3)):
        for x in (torch.zeros(shape), torch.randn(shape)):
            x.requires_grad_()
            loss = vocoder._spike_distance(torch.randn(shape), x, min(256, shape[-1]))
            loss.backward()
            assert loss.isfinite() and x.grad.isfinite().all()


def with_conditions(n_optional=2, dropout=0.0, **parameters):
    network = small(**parameters)
    optional = OptionalFeatures(n_optional, dropout)
    network.conditions = FrameConditions(3, optional)
    network.generator = generator(n_more=3)
    return network


def test_each_frame_has_the_conditions_of_its_window():
    conditions = FrameConditions(3, OptionalFeatures(1, 0.0)).eval()
    features, z = torch.randn(2, 3, 3), torch.randn(2, 5, 12)
    found = conditions(z, features)
    assert found.shape == (2, 8, 12)
    assert torch.equal(found[:, :5], z)
    for frame in range(12):
        assert torch.equal(found[:, 5:, frame], features[:, frame // 4])
    without = conditions(z, None)
    assert torch.equal(without[:, :5], z)
    assert without.shape == (2, 8, 12) and not without[:, 5:].any()
    assert torch.equal(conditions(z[..., :10], features), found[..., :10])


def test_conditions_that_are_not_used_come_first():
    conditions = FrameConditions(2, OptionalFeatures(2, 0.0)).eval()
    features, z = torch.randn(2, 3, 5), torch.randn(2, 1, 3)
    assert torch.equal(conditions(z, features)[:, 1:], features[..., -2:].mT)


def test_training_does_without_the_conditions_of_some_rows():
    conditions = FrameConditions(3, OptionalFeatures(2, 0.5))
    torch.manual_seed(0)
    found = conditions(torch.zeros(4000, 1, 4), torch.ones(4000, 1, 3))[..., 0]
    kept = found[:, 1:].mean(0)
    assert kept.tolist() == pytest.approx([0.9, 0.45, 0.45], abs=0.03)
    assert torch.equal(found[:, 2], found[:, 3])
    found = conditions.eval()(torch.zeros(9, 1, 4), torch.ones(9, 1, 3))
    assert found[:, 1:].all() and not found[:, 0].any()


def test_training_makes_windows_louder_or_softer():
    conditions = FrameConditions(2, OptionalFeatures(1, 0.0))
    torch.manual_seed(0)
    z, features = torch.randn(1000, 2, 8), torch.ones(1000, 2, 2)
    found = conditions(z, features)
    is_known = found[:, 3, 0] == 1
    louder = found[:, :2] - z
    assert 0.85 < is_known.float().mean() < 0.95
    assert not louder[~is_known].any()  # nothing to follow
    louder = louder[is_known]
    torch.testing.assert_close(louder[:, 0], louder[:, 1])
    torch.testing.assert_close(louder[..., 0], louder[..., 3])
    assert louder.std().item() == pytest.approx(0.3, abs=0.02)
    assert abs(np.corrcoef(louder[:, 0, 0], louder[:, 0, 4])[0, 1]) < 0.1
    features[..., -1] = 0  # metrics are not known
    assert torch.equal(conditions(z, features)[:, :2], z)
    no_metrics = FrameConditions(2, OptionalFeatures(0, 0.0))
    assert torch.equal(no_metrics(z, torch.ones(1000, 2, 2))[:, :2], z)


def test_conditions_act_on_the_signals_of_their_time():
    network = with_conditions(n_frames_a_step=4).eval()
    x, features = signals(n_frames=12), torch.zeros(len(signals(n_frames=12)), 3, 3)
    bands = network.front.raw(x)
    plain = network.vocode(bands, features)
    torch.testing.assert_close(network.vocode(bands), plain)
    features[:, 2] = 5.0  # of frames 8 to 11
    gap = (network.vocode(bands, features) - plain).abs().mean((0, 1))
    assert gap[:8].mean() < 0.05 * gap[64:].mean()
    middle = network(x, bands, features)  # frames 4 to 7, padded: what they see alone
    assert not torch.allclose(middle["mel"], network(x, bands, features + 1)["mel"])
    torch.testing.assert_close(middle["mel"], network(x, bands)["mel"])


def test_signals_can_be_made_of_other_spectrograms_than_their_own():
    network, x = scaled(small(n_frames_a_step=4)).eval(), signals()
    bands = network.front.raw(x)
    torch.testing.assert_close(network(x, bands)["loss"], network(x)["loss"])
    other = network(x, bands + 1)
    frames = bands[:, :, 4:8] + 1
    error = network.front.raw(network.vocode(frames)) - network.front.raw(
        x[:, :, 32:64]
    )
    torch.testing.assert_close(other["mel"], error.abs().mean())


def test_drift_is_no_pulse():
    drift = torch.linspace(0, 50, 2048)[None, None]
    size, is_spike = vocoder._pulses(drift, 256)
    assert size[:, :, 1, 0] < -2.5  # of a window that does not reach the ends
    assert is_spike[:, :, 1].max() < 0.05

import numpy as np
import pytest

from sksynth.datasets import _atrium, _tissue, _waves
from sksynth.datasets._tissue import Tissue, add_halo, laplacian

SPACING = 1.5  # mm
LONG = 1e9  # ms


def strip(along, n=80):
    """Shape of a strip of nodes, and the index of its first few."""
    if along == "rows":
        return (n, 6, 1), np.s_[:4]
    return (6, n, 1), np.s_[:, :4]


def wave_times(velocity, dt, along="rows", tau_close=LONG):
    """Times in ms at which a planar wave reaches nodes 12 and 32 of a strip."""
    shape, start = strip(along)
    u, ones = np.zeros(shape), np.ones(shape)
    u[start] = 1
    tau_in = _tissue.rise_time(velocity, SPACING, dt) * ones
    tissue = Tissue(u, ones, tau_in, LONG * ones, tau_close * ones, dt)
    frames = tissue.run(int(80 / velocity / dt), 1)
    u = frames[:, :, 2, 0] if along == "rows" else frames[:, 2, :, 0]
    times = []
    for node in (12, 32):
        k = (u[:, node] > 0.5).argmax()
        before, after = u[k - 1, node], u[k, node]
        times.append((k + (0.5 - before) / (after - before)) * dt)
    return times


@pytest.mark.parametrize("velocity", [0.35, 0.7, 1.2])
@pytest.mark.parametrize("along", ["rows", "columns"])
def test_a_planar_wave_runs_at_the_velocity_asked_for(velocity, along):
    for part in (0.3, 1.0):
        dt = part * _tissue.longest_step(velocity, SPACING)
        first, second = wave_times(velocity, dt, along)
        measured = 20 * SPACING / (second - first)
        assert measured == pytest.approx(velocity, rel=0.005)


def test_closing_gates_slow_a_wave_by_less_than_a_twentieth():
    first, second = wave_times(0.5, 0.4, tau_close=75)
    assert 0.95 * 0.5 < 20 * SPACING / (second - first) < 0.5


def test_on_a_fine_grid_the_velocity_is_that_of_nagumos_equation(monkeypatch):
    monkeypatch.setattr(_tissue, "WIDTH", 2.0)
    dt, tau = 0.02, np.ones((80, 3, 1))
    u = np.zeros(tau.shape)
    u[:6] = 1
    tissue = Tissue(u, tau, tau, LONG * tau, LONG * tau, dt)
    u = tissue.run(4000, 50)[:, :, 1, 0]  # a frame each 1 tau_in
    position = (u > 0.5).sum(axis=1)
    fit = np.polyfit(np.arange(20, 70), position[20:70], 1)
    assert fit[0] == pytest.approx((1 - 2 * _tissue.GATE) * 2.0 / 2, rel=0.02)
    # its front is 1 / (1 + exp(x / w))
    front = u[40][(u[40] > 0.05) & (u[40] < 0.95)].astype(float)
    slope = np.diff(np.log(1 / front - 1))
    np.testing.assert_allclose(slope, 1 / 2.0, rtol=0.05)


def test_the_longest_step_is_the_largest_that_the_rise_time_allows():
    for velocity in (0.3, 1.2):
        dt = _tissue.longest_step(velocity, SPACING)
        tau_in = _tissue.rise_time(velocity, SPACING, dt)
        assert dt / tau_in == pytest.approx(_tissue.MAX_STEP)


def test_the_laplacian_of_a_quadratic_is_its_second_derivatives():
    y, x = np.indices((9, 12)).astype(float)
    field = 1.5 * x**2 - 0.25 * y**2 + x * y - 3 * x + 7
    got = laplacian(add_halo(field[..., None]))[2:-2, 2:-2, 0]
    np.testing.assert_allclose(got[:, 1:-1], 3 - 0.5)


def test_the_laplacian_is_that_of_the_nine_point_stencil_with_walls_and_a_ring():
    field = np.random.default_rng(0).normal(size=(5, 7))
    got = laplacian(add_halo(field[..., None]))[:, 1:-1, 0]
    stencil = np.array([[1, 4, 1], [4, -20, 4], [1, 4, 1]]) / 6
    expected = np.zeros_like(field)
    for i in range(5):
        for j in range(7):
            for di in (-1, 0, 1):
                for dj in (-1, 0, 1):
                    row = min(max(i + di, 0), 4)  # no flux: the wall mirrors
                    weight = stencil[di + 1, dj + 1]
                    expected[i, j] += weight * field[row, (j + dj) % 7]
    np.testing.assert_allclose(got, expected, atol=1e-12)
    assert got.sum() == pytest.approx(0, abs=1e-12)  # current is conserved


def test_tissue_at_rest_stays_at_rest():
    zero = np.zeros((8, 10, 3))
    tissue = Tissue(zero, zero + 1, zero + 0.7, zero + 50, zero + 100, 0.3)
    frames = tissue.run(500, 100)
    assert not frames.any()
    assert (tissue.h == 1).all()
    assert not tissue.is_excited().any()


def test_a_push_below_the_gate_dies_out_and_one_above_it_spreads():
    zero = np.zeros((20, 20, 2))
    u = zero.copy()
    u[8:12, 8:12] = [0.09, 1.0]
    tissue = Tissue(u, zero + 1, zero + 0.7, zero + 50, zero + 100, 0.3)
    last = tissue.run(150, 150)[-1]
    assert last[..., 0].max() < 0.01
    assert (last[..., 1] > 0.5).mean() > 0.9


def test_an_excited_node_recovers_and_can_be_excited_again():
    one = np.ones((4, 4, 1))
    tissue = Tissue(one, one, 0.1 * one, 60 * one, 100 * one, 0.05)
    u = tissue.run(6000, 1)[:, 0, 0, 0]
    # the plateau ends where h (u - GATE) (1 - u) is less than LEAK (1 - h) for each u
    least = _tissue.LEAK / (_tissue.LEAK + (1 - _tissue.GATE) ** 2 / 4)
    assert (u > 0.5).sum() * 0.05 == pytest.approx(100 * np.log(1 / least), rel=0.1)
    assert u[-1] < 0.01 and tissue.h.min() > 0.8
    again = tissue.run(20, 20, {3: (slice(None),) * 3})[-1]
    assert again.min() > 0.8


def test_stretches_and_batches_do_not_change_a_simulation():
    rng = np.random.default_rng(0)
    u, h, tau = rng.uniform(size=(3, 9, 11, 4))
    parts = (u, h, 1 + tau, 40 + tau, 80 + tau)
    whole = Tissue(*parts, 0.3).run(60, 10)
    tissue = Tissue(*parts, 0.3)
    tissue.run(20, 10)
    kept = np.array([True, False, True, False])
    tissue.keep(kept)
    np.testing.assert_array_equal(tissue.run(40, 10), whole[2:][..., kept])
    alone = Tissue(*(part[..., :1] for part in parts), 0.3).run(60, 10)
    np.testing.assert_array_equal(alone, whole[..., :1])


def test_a_quickened_tissue_is_one_with_shorter_times():
    rng = np.random.default_rng(0)
    u, h, tau, factor = rng.uniform(0.5, 1, size=(4, 9, 11, 2))
    quick = Tissue(u, h, 1 + tau, 40 * tau, 80 * tau, 0.3)
    quick.quicken(2 * factor)
    quick.quicken(factor)  # of the usual times, not of those of the last time
    other = Tissue(u, h, 1 + tau, 40 * tau / factor, 80 * tau / factor, 0.3)
    np.testing.assert_allclose(quick.run(60, 60), other.run(60, 60), atol=1e-5)


def test_fibrillating_tissue_stays_finite_and_bounded():
    clock = _waves.Clock("AF", 10, 100.0, 0.7)
    rngs = np.random.default_rng(0).spawn(4)
    started = _waves._start_waves(rngs, np.arange(4), clock)
    *state, _ = _waves._stack([started[row] for row in range(4)])
    tissue = Tissue(*state, clock.dt)
    frames = _waves._run_restless(tissue, rngs, 300, clock)
    assert -0.01 < frames.min() and 0.8 < frames.max() < 1.001
    assert 0 <= tissue.h.min() and tissue.h.max() <= 1


def test_the_unipolar_matrix_is_the_sum_of_currents_by_distance():
    rng = np.random.default_rng(0)
    u = rng.normal(size=_atrium.SHAPE)
    electrodes = _atrium.electrode_positions(5)
    current = laplacian(add_halo(u[..., None]))[:, 1:-1, 0]
    expected = np.zeros(5)
    for i, electrode in enumerate(electrodes):
        for row in range(_atrium.SHAPE[0]):
            angle = 2 * np.pi * np.arange(_atrium.SHAPE[1]) / _atrium.SHAPE[1]
            height = np.full(len(angle), (row - 15.5) * _atrium.SPACING)
            x, y = _atrium.RADIUS * np.cos(angle), _atrium.RADIUS * np.sin(angle)
            away = np.linalg.norm(np.stack([x, y, height], axis=1) - electrode, axis=1)
            expected[i] += (current[row] / away).sum()
    expected *= 0.3 * 2 * 100 / (4 * np.pi)  # conductivities, mm, mV
    got = _atrium.unipolar_matrix(electrodes) @ u.ravel()
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_nodes_are_evenly_spaced_and_the_cylinder_closes():
    nodes = _atrium.node_positions().reshape(*_atrium.SHAPE, 3)
    up = np.linalg.norm(np.diff(nodes, axis=0), axis=-1)
    around = np.linalg.norm(nodes - np.roll(nodes, 1, axis=1), axis=-1)
    np.testing.assert_allclose(up, _atrium.SPACING)
    np.testing.assert_allclose(around, _atrium.SPACING, rtol=0.001)  # chords


def test_the_phase_of_the_first_waves_winds_around_two_to_five_points():
    numbers = set()
    for rng in np.random.default_rng(0).spawn(40):
        u, h = _waves.draw_spirals(rng)
        assert 0 <= u.min() <= u.max() <= 1 and 0 < h.min() <= h.max() < 1
        phase = np.where(u > 0, (0.9 - h) / 0.6, 1 + (h - 0.3) / 0.65) * np.pi
        turn = np.angle(np.exp(1j * (np.roll(phase, -1, axis=1) - phase)))
        up = np.angle(np.exp(1j * np.diff(phase, axis=0)))
        circuit = turn[:-1] + np.roll(up, -1, axis=1) - turn[1:] - up
        winding = np.rint(circuit / (2 * np.pi)).astype(int)
        numbers.add(np.abs(winding).sum())
        assert abs(winding.sum()) <= 1  # they turn in turn
    assert numbers == {2, 3, 4, 5}

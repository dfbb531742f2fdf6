"""Sinus rhythm and fibrillation in the tissue, as electrograms of many simulations."""

import numpy as np
from scipy.ndimage import gaussian_filter

from ._atrium import SHAPE, SPACING, on_cylinder
from ._tissue import Tissue, longest_step, rise_time

CYCLE = (600.0, 900.0)  # ms, sinus
AF_VELOCITY = 0.5  # mm/ms: slow enough for waves to turn within the tissue
SPREAD = 0.1  # velocities differ by up to this part between simulations
FASTEST = 1.1  # velocity of a place against that of its simulation, at most
# tau_open and tau_close in ms: action potentials of some 200 ms, and of 80 ms in AF
RECOVERY = {"SR": ((90, 110), (160, 200)), "AF": ((30, 50), (65, 85))}
IRREGULARITY = {"SR": 0.1, "AF": 0.2}  # spread of these times over the tissue
UNREST = 0.3  # in AF, their spread over the tissue and from one HOLD to the next
HOLD = 50.0  # ms
N_SOURCES = (2, 5)
SINUS_NODE = (26.0, 26.0)  # row and column: above, to the right, to the back
SITE_RADIUS = 3.0  # nodes
FRAME_RATE = 250.0  # Hz, at least
EDGE = 300.0  # ms simulated on either side of the window, for the filters
WARM_UP = {"SR": 900.0, "AF": 1000.0}  # ms simulated before the window
ROWS_AT_ONCE = 16  # more would not stay in the cache
TRIES = 100


class Clock:
    """Steps of the tissue, frames that are kept, samples that are given."""

    def __init__(self, rhythm, n_times, fs, velocity, site_spread=None):
        self.n_times = n_times
        self.site_spread = site_spread  # mm
        self.velocity = AF_VELOCITY if rhythm == "AF" else velocity  # mm/ms
        self.frames_a_sample = int(np.ceil(FRAME_RATE / fs))
        self.fs = fs * self.frames_a_sample  # Hz, of the frames
        frame = 1000 / self.fs  # ms
        longest = longest_step((1 + SPREAD) * FASTEST * self.velocity, SPACING)
        self.every = int(np.ceil(frame / longest))  # steps a frame
        self.dt = frame / self.every  # ms
        self.hold = int(np.ceil(HOLD / frame))  # frames
        self.n_edge = int(np.ceil(EDGE / frame))  # frames
        self.n_window = (n_times - 1) * self.frames_a_sample + 1
        self.n_frames = self.n_window + 2 * self.n_edge
        self.n_warm_up = int(np.ceil(WARM_UP[rhythm] / frame)) - self.n_edge
        self.start = -self.n_warm_up  # frame

    def stretches(self, first, end):
        """Begins and lengths of the stretches from frame `first` to `end`."""
        for begin in range(first, end, self.hold):
            yield begin, min(self.hold, end - begin)


def simulate_sinus(rngs, clock, matrix):
    """Simulate a chunk at a time: yields rows, electrograms, velocities, sites.

    Parameters
    ----------
    rngs : list of Generator
        One for each simulation.
    clock : Clock
    matrix : ndarray of shape (n_electrodes, n_nodes)
        From u to electrograms.

    Yields
    ------
    rows : ndarray of shape (n,)
        Which simulations these are.
    signals : ndarray of shape (n, n_electrodes, n_frames), float32
    velocities : ndarray of shape (n,)
        In m/s.
    sites : ndarray of shape (n, 3)
        In mm.
    """
    for rows in _chunks(len(rngs)):
        draws, sites, stimuli = [], [], {}
        for k, row in enumerate(rows):
            draws.append(draw_tissue("SR", rngs[row], clock))
            site = draw_site(rngs[row], clock.site_spread)
            sites.append(on_cylinder(*site))
            nodes = disc(site)
            nodes = (*nodes, np.full(len(nodes[0]), k))
            for step in draw_beats(rngs[row], clock):
                stimuli.setdefault(step, []).append(nodes)
        stimuli = {
            step: tuple(np.concatenate(part) for part in zip(*nodes, strict=True))
            for step, nodes in stimuli.items()
        }
        *taus, velocities = _stack(draws)
        rest = np.zeros(taus[0].shape)
        tissue = Tissue(rest, rest + 1, *taus, clock.dt)
        signals = _empty(rows, clock, matrix)
        for begin, length in clock.stretches(clock.start, clock.n_frames):
            now = (begin - clock.start) * clock.every
            here = {step - now: nodes for step, nodes in stimuli.items()}
            frames = tissue.run(length * clock.every, clock.every, here)
            _see(frames, matrix, signals, np.arange(len(rows)), begin)
        yield rows, signals, velocities, np.array(sites)


def draw_site(rng, spread):
    """Row and column where beats start: within `spread` mm of the node, or anywhere."""
    if spread is None:
        return rng.uniform((0, 0), SHAPE)
    radius = spread / SPACING  # nodes
    node = np.array(SINUS_NODE)
    low = -np.minimum(radius, (node[0], SHAPE[1] / 2))
    high = np.minimum(radius, (SHAPE[0] - 1 - node[0], SHAPE[1] / 2))
    while True:  # pi / 4 of the draws, at least, are in the disc
        away = rng.uniform(low, high)
        if np.hypot(*away) <= radius:
            return (node + away) % (np.inf, SHAPE[1])


def draw_beats(rng, clock):
    """Steps at which beats start; the first is within a cycle."""
    cycle, start = rng.uniform(*CYCLE), rng.uniform()  # ms, part of a cycle
    duration = (clock.n_frames - clock.start) * clock.every * clock.dt
    n = int(np.ceil(duration / CYCLE[0])) + 1
    intervals = np.clip(cycle * rng.normal(1, 0.03, n), *CYCLE)
    times = start * cycle + np.cumsum(intervals) - intervals[0]
    return (times / clock.dt).astype(int)


def disc(site):
    """Rows and columns of the nodes near a site (row, column)."""
    rows, columns = np.indices(SHAPE)
    around = (columns - site[1] + SHAPE[1] / 2) % SHAPE[1] - SHAPE[1] / 2
    return np.nonzero(np.hypot(rows - site[0], around) < SITE_RADIUS)


def simulate_fibrillation(rngs, clock, matrix):
    """Simulate a chunk at a time, as `simulate_sinus` does; sites are NaN.

    A simulation whose waves die out is begun anew with numbers from the same generator.
    """
    left = np.arange(len(rngs))
    for _ in range(TRIES):
        started = _start_waves(rngs, left, clock)
        for rows in [left[chunk] for chunk in _chunks(len(left))]:
            *state, velocities = _stack([started[row] for row in rows])
            tissue = Tissue(*state, clock.dt)
            signals = _empty(rows, clock, matrix)
            alive = np.arange(len(rows))
            for begin, length in clock.stretches(0, clock.n_frames):
                frames = _run_restless(
                    tissue, [rngs[row] for row in rows[alive]], length, clock
                )
                _see(frames, matrix, signals, alive, begin)
                alive = alive[_bury(tissue)]
                if not len(alive):
                    break
            sites = np.full((len(alive), 3), np.nan)
            yield rows[alive], signals[alive], velocities[alive], sites
            left = np.setdiff1d(left, rows[alive])
        if not len(left):
            return
    raise RuntimeError(f"fibrillation ended early in {TRIES} draws: shorten n_times")


def _start_waves(rngs, rows, clock):
    """(u, h, tau_in, tau_open, tau_close, velocity) of each row, once waves turn."""
    started = {}
    for _ in range(TRIES):
        left = np.array([row for row in rows if row not in started])
        for chunk in _chunks(len(left)):
            alive = left[chunk]
            draws = {
                row: (*draw_spirals(rngs[row]), *draw_tissue("AF", rngs[row], clock))
                for row in alive
            }
            *state, _ = _stack(list(draws.values()))
            tissue = Tissue(*state, clock.dt)
            for _, length in clock.stretches(clock.start, 0):
                _run_restless(tissue, [rngs[row] for row in alive], length, clock)
                alive = alive[_bury(tissue)]
                if not len(alive):
                    break
            for k, row in enumerate(alive):
                now = tissue.u[..., k], tissue.h[..., k]
                started[row] = (*now, *draws[row][2:])
        if len(started) == len(rows):
            return started
    raise RuntimeError(f"no wave turned in any of {TRIES} draws")


def _run_restless(tissue, rngs, length, clock):
    """Frames of a stretch with its own times of recovery."""
    tissue.quicken(np.stack([draw_field(rng, UNREST) for rng in rngs], axis=-1))
    return tissue.run(length * clock.every, clock.every)


def _bury(tissue):
    """Leave the tissues without a wave out, and say which stay (a mask)."""
    excited = tissue.is_excited()
    if not excited.all():
        tissue.keep(excited)
    return excited


def draw_spirals(rng):
    """State (u, h) from a phase that winds around 2 to 5 points, turning in turn.

    The phase is a sum of angles around the points. It is taken on the plane to which
    the exponential maps the cylinder: there it has no seam.
    """
    n = rng.integers(N_SOURCES[0], N_SOURCES[1] + 1)
    rows, columns = np.indices(SHAPE)
    points = rng.uniform((3, 0), (SHAPE[0] - 3, SHAPE[1]), (n, 2))
    plane = _to_plane(rows, columns)
    turns = rng.choice([-1, 1]) * (-1) ** np.arange(n)
    angle = rng.uniform(0, 2 * np.pi) + sum(
        turn * np.angle(plane - _to_plane(*point))
        for turn, point in zip(turns, points, strict=True)
    )
    phase = angle / np.pi % 2  # 0 to 1: action potential, 1 to 2: recovery
    u = np.where(phase < 1, 0.9 - 0.3 * phase, 0)
    h = np.where(phase < 1, 0.9 - 0.6 * phase, 0.3 + 0.65 * (phase - 1))
    return u, h


def _to_plane(row, column):
    return np.exp(2 * np.pi / SHAPE[1] * (row - SHAPE[0] / 2 + 1j * column))


def draw_tissue(rhythm, rng, clock):
    """tau_in, tau_open, tau_close (rows, columns) in ms; mean velocity in mm/ms."""
    velocity = clock.velocity * rng.uniform(1 - SPREAD, 1 + SPREAD)
    local = np.minimum(draw_field(rng, 0.05), FASTEST)
    opening, closing = (rng.uniform(*span) for span in RECOVERY[rhythm])
    return (
        rise_time(velocity * local, SPACING, clock.dt),
        opening * draw_field(rng, IRREGULARITY[rhythm]),
        closing * draw_field(rng, IRREGULARITY[rhythm]),
        velocity,
    )


def draw_field(rng, spread):
    """Smooth log-normal field around 1 (rows, columns)."""
    field = gaussian_filter(rng.normal(size=SHAPE), 5, mode=["nearest", "wrap"])
    return np.exp(spread * (field - field.mean()) / field.std())


def _chunks(n):
    """Indices of 0 to n - 1, some at a time."""
    return [
        np.arange(first, min(first + ROWS_AT_ONCE, n))
        for first in range(0, n, ROWS_AT_ONCE)
    ]


def _empty(rows, clock, matrix):
    return np.empty((len(rows), len(matrix), clock.n_frames), dtype=np.float32)


def _stack(draws):
    """Lists of what each simulation has, as arrays whose last axis is the batch."""
    return [np.stack(part, axis=-1) for part in zip(*draws, strict=True)]


def _see(frames, matrix, signals, rows, first):
    """Write the electrograms of some frames, the first of them at `first`."""
    frames = frames[max(0, -first) :]  # without those of the warm-up
    first = max(0, first)
    u = frames.transpose(1, 2, 0, 3).reshape(matrix.shape[1], -1)
    seen = (matrix @ u).reshape(len(matrix), len(frames), len(rows))
    signals[rows, :, first : first + len(frames)] = seen.transpose(2, 0, 1)


SIMULATE = {"SR": simulate_sinus, "AF": simulate_fibrillation}

"""Excitable tissue on a cylinder: a two-variable monodomain model, many at a time.

Inside, u is the transmembrane potential (0 at rest, 1 excited) and h the gate of the
inward current (1 when recovered). Lengths are in mm, times in ms. Arrays are (rows,
columns, batch): the batch comes last, so that numpy's inner loops are long.

The model is that of Mitchell and Schaeffer (Bull Math Biol 65:767, 2003) in the form
of Corrado and Niederer (Math Biosci 281:46, 2016), whose rest is stable, written with
the front's width w instead of the diffusion coefficient D = w**2 / (2 tau_in):

    tau_in du/dt = (w**2 / 2) lap u + h u (u - GATE) (1 - u) - LEAK (1 - h) u
    dh/dt = (1 - h) / tau_open if u < GATE, else -h / tau_close

With h = 1 this is Nagumo's equation. Its planar front, 1 / (1 + exp(x / w)), runs at
c = (1 - 2 GATE) w / (2 tau_in).
"""

import numpy as np

GATE = 0.1
LEAK = 0.1  # tau_in / tau_out
WIDTH = 0.6  # w, in nodes: about the narrowest front that the grid does not pin
MAX_STEP = 0.8  # dt / tau_in
GRID_SPEED = (0.96, 0.078)  # part of c that the grid leaves; loss by dt / tau_in


def rise_time(velocity, spacing, dt):
    """tau_in in ms of a planar front of `velocity` mm/ms on nodes `spacing` mm apart.

    Solves velocity = c (p - q dt / tau_in), (p, q) = GRID_SPEED, to first order in q.
    """
    p, q = GRID_SPEED
    tau = p * (1 - 2 * GATE) * WIDTH * spacing / (2 * velocity)
    return tau - q / p * dt


def longest_step(velocity, spacing):
    """Longest stable and accurate dt in ms at this velocity in mm/ms."""
    p, q = GRID_SPEED
    tau = p * (1 - 2 * GATE) * WIDTH * spacing / (2 * velocity)
    return tau / (1 / MAX_STEP + q / p)


def add_halo(field):
    """Copy of a field (rows, columns, ...) within a rim of one node."""
    padded = np.pad(field, [(1, 1), (1, 1)] + [(0, 0)] * (field.ndim - 2))
    fill_halo(padded)
    return padded


def fill_halo(padded):
    """No flux through the first and last row; columns close to a ring."""
    padded[0] = padded[1]
    padded[-1] = padded[-2]
    padded[:, 0] = padded[:, -2]
    padded[:, -1] = padded[:, 1]


def laplacian(padded, out=None, smooth=None, scale=1.0):
    """`scale` times the Laplacian of a field with halo, for nodes 1 apart.

    It has nine points, for an error that is the same in all directions.
    The stencil [[1, 4, 1], [4, -20, 4], [1, 4, 1]] / 6 is that of two passes of
    [1, 4, 1], less 36 times the middle. It is symmetric. The answer has the rows of
    the field, but the columns of `padded`, for runs in memory as long as can be: its
    first and last column mean nothing.
    """
    middle = padded[1:-1]
    smooth = np.multiply(middle, 4, out=smooth)
    smooth += padded[:-2]
    smooth += padded[2:]
    out = np.multiply(smooth, 4, out=out)
    column = padded[0, 0].size
    flat, flat_smooth = out.view(), smooth.view()
    flat.shape = flat_smooth.shape = -1  # or an error, where reshape would copy
    flat[column:] += flat_smooth[:-column]
    flat[:-column] += flat_smooth[column:]
    out *= 1 / 36
    out -= middle
    out *= 6 * scale
    return out


class Tissue:
    """State of many sheets at once, which `run` moves on.

    Parameters
    ----------
    u, h : ndarray of shape (rows, columns, batch)
        State at the start.
    tau_in, tau_open, tau_close : ndarray of shape (rows, columns, batch)
        Times of excitation, recovery and closing in ms.
    dt : float
        Time step in ms, at most MAX_STEP times `tau_in`.
    """

    def __init__(self, u, h, tau_in, tau_open, tau_close, dt):
        self.padded = add_halo(np.asarray(u, dtype=np.float32))
        self.gate, self.exciting, closing, opening = (
            add_halo(np.asarray(part, dtype=np.float32))[1:-1]
            for part in (h, dt / tau_in, dt / tau_close, dt / tau_open)
        )
        self.usual = closing, opening - closing
        self.closing, self.reopening = self.usual

    def quicken(self, factor):
        """Divide the usual tau_open and tau_close by a field (rows, columns, batch)."""
        factor = add_halo(factor.astype(np.float32))[1:-1]
        self.closing, self.reopening = (factor * rate for rate in self.usual)

    def keep(self, kept):
        """Go on with a part of the batch, a mask."""
        parts = (self.padded, self.gate, self.exciting, *self.usual)
        parts = (np.compress(kept, part, axis=-1) for part in parts)
        self.padded, self.gate, self.exciting, *usual = parts
        self.closing, self.reopening = self.usual = tuple(usual)

    @property
    def u(self):
        return self.padded[1:-1, 1:-1]

    @property
    def h(self):
        return self.gate[:, 1:-1]

    def run(self, n_steps, every, stimuli=None):
        """Frames of u after steps `every`, 2 `every`, ...: (n, rows, columns, batch).

        `stimuli` maps a step to the index of the nodes that are set to u = 1 then.
        """
        f32 = np.float32
        padded, u, h, stimuli = self.padded, self.padded[1:-1], self.gate, stimuli or {}
        frames = np.empty((n_steps // every, *self.u.shape), dtype=f32)
        change, work, rate, low, smooth = (np.empty_like(h) for _ in range(5))
        for k in range(n_steps):
            if k in stimuli:
                self.u[stimuli[k]] = 1
            fill_halo(padded)
            laplacian(padded, change, smooth, scale=WIDTH**2 / 2)
            # u (h ((u - GATE) (1 - u) + LEAK) - LEAK)
            np.subtract(u, f32(GATE), out=work)
            np.less(work, 0, out=low, casting="unsafe")  # 1 below the gate, 0 above it
            np.subtract(f32(1), u, out=rate)
            work *= rate
            work += f32(LEAK)
            work *= h
            work -= f32(LEAK)
            work *= u
            change += work
            change *= self.exciting
            # h moves towards `low`: the rate is that of opening or closing
            np.multiply(low, self.reopening, out=rate)
            rate += self.closing
            low -= h
            low *= rate
            h += low
            u += change
            if (k + 1) % every == 0:
                frames[(k + 1) // every - 1] = self.u
        return frames

    def is_excited(self):
        """Whether any node is excited, (batch,)."""
        return (self.u > 0.5).any(axis=(0, 1))

"""Spectrograms in mel bands, and the way back by Griffin-Lim."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from sksynth.spectral.transform import istft, stft

N_UPDATES = 100  # from bands to magnitudes; those of make_mer are met to 1e-5


def mel_filter_bank(n_mels, n_fft, fs, *, f_min=0.0, f_max=None):
    r"""Triangular filters, evenly spaced on the mel scale of Slaney [1]_.

    A mel is 200/3 Hz below 1 kHz, and a factor of :math:`6.4^{1/27}` above:

    .. math:: m(f) = \begin{cases} 3 f / 200 & f < 1000 \\
              15 + 27 \ln(f / 1000) / \ln 6.4 & f \ge 1000 \end{cases}

    Each triangle reaches from the centre of the filter before to that of the one
    after, and has an area of 1 over the frequencies in Hz.

    Parameters
    ----------
    n_mels : int
        Number of filters.
    n_fft : int
        Samples a window of the transform.
    fs : float
        Sampling rate in Hz.
    f_min, f_max : float, default=0.0 and None
        Ends of the first and of the last triangle in Hz; None is ``fs / 2``.

    Returns
    -------
    bank : Tensor of shape (n_mels, n_fft // 2 + 1), float64
        Weight of each frequency in each filter, in 1/Hz.

    Raises
    ------
    ValueError
        If a number is out of its range, or a filter so narrow that it holds no
        frequency of the transform.

    References
    ----------
    .. [1] M. Slaney, "Auditory Toolbox, version 2", Interval Research Corporation,
       technical report 1998-010, 1998.

    Examples
    --------
    >>> from sksynth.spectral import mel_filter_bank
    >>> bank = mel_filter_bank(2, 8, 800, f_max=300)  # centres 100 and 200 Hz
    >>> (bank * 100).round(decimals=6)
    tensor([[0., 1., 0., 0., 0.],
            [0., 0., 1., 0., 0.]], dtype=torch.float64)
    """
    f_max = fs / 2 if f_max is None else f_max
    if n_mels < 1:
        raise ValueError(f"n_mels must be at least 1; got {n_mels}")
    if not 0 <= f_min < f_max <= fs / 2:
        raise ValueError(
            f"f_min and f_max must satisfy 0 <= f_min < f_max <= fs / 2 = {fs / 2:g} "
            f"Hz; got {f_min} and {f_max}"
        )
    # numbers also where "meta" is the default device: nothing else would fill them in
    real = {"dtype": torch.float64, "device": "cpu"}
    first, last = _hertz_to_mel(f_min), _hertz_to_mel(f_max)
    steps = torch.linspace(0, 1, n_mels + 2, **real)
    corners = _mel_to_hertz(first + (last - first) * steps)
    hertz = torch.arange(n_fft // 2 + 1, **real) * fs / n_fft
    low, centre, high = (corners[k : k + n_mels, None] for k in range(3))
    rising, falling = (hertz - low) / (centre - low), (high - hertz) / (high - centre)
    bank = torch.minimum(rising, falling).clamp(min=0) * 2 / (high - low)
    empty = (bank.sum(dim=1) == 0).nonzero().flatten().tolist()
    if empty:
        raise ValueError(
            f"n_mels={n_mels} filters are too many for frequencies that are "
            f"{fs / n_fft:g} Hz apart: the filters {empty} hold none"
        )
    return bank


class LogMel(nn.Module):
    r"""Logarithm of the magnitudes in mel bands, and the way back by Griffin-Lim.

    Windows of Hann, the signal mirrored ``(n_fft - hop) / 2`` samples beyond its ends,
    so that there is one frame for each `hop` samples:

    .. math:: \log_{10} \max(B |Z|, floor)

    with the transform Z (a sum over the window, without a factor) and the bank B of
    :func:`mel_filter_bank`. The defaults are those of MelGAN [1]_ at 24 kHz.

    Parameters
    ----------
    fs : float, default=24000.0
        Sampling rate in Hz.
    n_fft : int, default=1024
        Samples a window, even.
    hop : int, default=256
        Samples from one frame to the next, even, at most half of `n_fft`.
    n_mels : int, default=80
        Number of bands.
    f_min, f_max : float, default=0.0 and None
        Range of the bands in Hz; None is ``fs / 2``.
    floor : float, default=1e-5
        Smallest magnitude in a band that counts, above 0.

    Attributes
    ----------
    bank : Tensor of shape (n_mels, n_fft // 2 + 1)
        The filters; made anew from the parameters, not saved with the weights.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    .. [1] K. Kumar et al., "MelGAN: generative adversarial networks for conditional
       waveform synthesis", NeurIPS 2019.

    Examples
    --------
    >>> import torch
    >>> from sksynth.spectral import LogMel
    >>> log_mel = LogMel()
    >>> log_mel(torch.randn(2, 71_680)).shape
    torch.Size([2, 80, 280])
    """

    def __init__(
        self,
        fs=24_000.0,
        n_fft=1024,
        hop=256,
        n_mels=80,
        f_min=0.0,
        f_max=None,
        floor=1e-5,
    ):
        super().__init__()
        if n_fft < 4 or n_fft % 2:
            raise ValueError(f"n_fft must be even and at least 4; got {n_fft}")
        if not 2 <= hop <= n_fft // 2 or hop % 2:
            raise ValueError(
                f"hop must be even, at least 2 and at most n_fft / 2 = {n_fft // 2}; "
                f"got {hop}"
            )
        if not 0 < floor < math.inf:
            raise ValueError(f"floor must be finite and above 0; got {floor}")
        self.n_fft, self.hop, self.floor = n_fft, hop, floor
        bank = mel_filter_bank(n_mels, n_fft, fs, f_min=f_min, f_max=f_max)
        self.register_buffer("bank", bank.float(), persistent=False)

    def forward(self, x):
        """Log-mel spectrogram of signals.

        Parameters
        ----------
        x : Tensor of shape (batch, n_times)
            Signals; ``n_times`` is a multiple of `hop` above ``(n_fft - hop) / 2``.

        Returns
        -------
        log_mel : Tensor of shape (batch, n_mels, n_times // hop)
            Between log10(floor) and any value; float64 for float64, otherwise float32.
        """
        beyond = (self.n_fft - self.hop) // 2
        if x.ndim != 2 or x.shape[1] % self.hop or x.shape[1] <= beyond:
            raise ValueError(
                f"x must have shape (batch, n_times), n_times a multiple of "
                f"{self.hop} and above {beyond}; got {tuple(x.shape)}"
            )
        with torch.autocast(x.device.type, enabled=False):
            x = x if x.dtype == torch.float64 else x.float()
            x = F.pad(x[:, None], (beyond, beyond), mode="reflect")
            z = stft(x, self.n_fft, self.hop, hann=True, padding=None)[:, 0]
            mel = self.bank.to(x.dtype) @ z.abs() * self.n_fft**0.5
            return mel.clamp(min=self.floor).log10()

    @torch.no_grad()
    def magnitudes(self, log_mel):
        """Magnitudes whose bands come near to those given, never negative.

        Many have the same bands; these start from an even spread and follow the
        multiplicative updates of Lee and Seung [1]_ for the squared error.

        Parameters
        ----------
        log_mel : Tensor of shape (batch, n_mels, n_frames)
            As :meth:`forward` has it.

        Returns
        -------
        magnitudes : Tensor of shape (batch, n_fft // 2 + 1, n_frames)
            0 where no band reaches.

        Raises
        ------
        ValueError
            If the shape is wrong.

        References
        ----------
        .. [1] D. D. Lee and H. S. Seung, "Algorithms for non-negative matrix
           factorization", NIPS 13, 556-562, 2001.
        """
        if log_mel.ndim != 3 or log_mel.shape[1] != len(self.bank):
            raise ValueError(
                f"log_mel must have shape (batch, {len(self.bank)}, n_frames); got "
                f"{tuple(log_mel.shape)}"
            )
        with torch.autocast(log_mel.device.type, enabled=False):
            log_mel = log_mel if log_mel.dtype == torch.float64 else log_mel.float()
            mel, bank = 10**log_mel, self.bank.to(log_mel.dtype)
            tiny = torch.finfo(bank.dtype).tiny
            level = mel / bank.sum(dim=1, keepdim=True)
            found = bank.T @ level / bank.sum(dim=0)[:, None].clamp(min=tiny)
            for _ in range(N_UPDATES):
                found = self._towards(mel, found)
        return found

    def _towards(self, mel, magnitudes):
        """Magnitudes with bands nearer to ``mel``: one multiplicative update."""
        with torch.autocast(mel.device.type, enabled=False):
            bank = self.bank.to(mel.dtype)
            tiny = torch.finfo(mel.dtype).tiny
            now = (bank.T @ (bank @ magnitudes)).clamp(min=tiny)
            return magnitudes * (bank.T @ mel) / now

    @torch.no_grad()
    def griffin_lim(self, log_mel, phase, *, n_iter=64, momentum=0.99):
        """Signals whose spectrogram is near the one given: Griffin-Lim, the fast way.

        The phases are those of the signal that comes nearest, again and again [1]_,
        each step going on beyond by a share of the last change [2]_.

        Parameters
        ----------
        log_mel : Tensor of shape (batch, n_mels, n_frames)
            As :meth:`forward` has it.
        phase : Tensor of shape (batch, n_fft // 2 + 1, n_frames)
            Phases in radians to start from; uniform ones from 0 to 2 pi do well. They
            are an argument so that a row of the result depends on its own alone.
        n_iter : int, default=64
            Number of steps, 0 or more.
        momentum : float, default=0.99
            Share of the last change, 0 or more. With 0 no step makes the magnitudes
            worse; 0.99 gets farther in as many steps.

        Returns
        -------
        x : Tensor of shape (batch, n_frames * hop)
            Signals.

        Raises
        ------
        ValueError
            If a shape does not fit or a number is negative.

        References
        ----------
        .. [1] D. W. Griffin and J. S. Lim, "Signal estimation from modified short-time
           Fourier transform", IEEE Trans Acoust Speech Signal Process 32(2):236-243,
           1984.
        .. [2] N. Perraudin, P. Balazs and P. L. Sondergaard, "A fast Griffin-Lim
           algorithm", WASPAA, 2013.
        """
        _check_steps(n_iter, momentum)
        magnitudes = self.magnitudes(log_mel)
        if phase.shape != magnitudes.shape:
            raise ValueError(
                f"phase must have shape {tuple(magnitudes.shape)}; got "
                f"{tuple(phase.shape)}"
            )
        # windows with their centres at the ends begin half a hop earlier than ours:
        # one more frame on either side, and half a hop of signal to cut off
        phase = F.pad(phase, (1, 1), mode="replicate")
        return self._signals(magnitudes, phase, n_iter, momentum)

    @torch.no_grad()
    def refine(self, log_mel, x, *, n_iter=64, momentum=0.99):
        """Griffin-Lim from signals that are nearly right, such as those of a vocoder.

        It starts from their phases. In the last quarter of the steps the magnitudes
        are no longer those of :meth:`magnitudes`, but the signals' own, moved towards
        the bands asked for: how a band is spread over its frequencies becomes free.

        Parameters
        ----------
        log_mel : Tensor of shape (batch, n_mels, n_frames)
            As :meth:`forward` has it.
        x : Tensor of shape (batch, n_frames * hop)
            Signals to start from.
        n_iter, momentum
            As in :meth:`griffin_lim`.

        Returns
        -------
        x : Tensor of shape (batch, n_frames * hop)
            Signals.

        Raises
        ------
        ValueError
            If a shape does not fit or a number is negative.
        """
        _check_steps(n_iter, momentum)
        magnitudes = self.magnitudes(log_mel)
        shape = len(magnitudes), magnitudes.shape[2] * self.hop
        if x.shape != shape:
            raise ValueError(f"x must have shape {shape}; got {tuple(x.shape)}")
        x = F.pad(x.to(magnitudes.dtype), (self.hop // 2, self.hop // 2))
        mel = 10 ** log_mel.to(magnitudes.dtype)
        phase = self._transform(x).angle()
        return self._signals(magnitudes, phase, n_iter, momentum, mel)

    def _signals(self, magnitudes, phase, n_iter, momentum, mel=None):
        """Signals from magnitudes, and phases of one more frame on either side."""
        magnitudes, mel = (
            None if a is None else F.pad(a, (1, 1), mode="replicate") / self.n_fft**0.5
            for a in (magnitudes, mel)
        )
        x = self._match(magnitudes, phase, n_iter, momentum, mel)
        return x[:, self.hop // 2 : -(self.hop // 2)]

    def _transform(self, x):
        z = stft(x[:, None], self.n_fft, self.hop, hann=True, padding="constant")
        return z[:, 0]

    def _match(self, magnitudes, phase, n_iter, momentum, mel=None):
        """Signals (batch, n_times) with a transform near to such magnitudes.

        With ``mel``, near to such bands in the last quarter of the steps.
        """
        n_times = (magnitudes.shape[2] - 1) * self.hop

        def inverse(z):
            return istft(z[:, None], self.n_fft, self.hop, n_times, hann=True)[:, 0]

        z = torch.polar(magnitudes, phase.to(magnitudes.dtype))
        last = None
        for step in range(n_iter):
            nearest = self._transform(inverse(z))
            beyond = nearest + momentum * (
                nearest - (nearest if last is None else last)
            )
            if mel is not None and 4 * step >= 3 * n_iter:
                magnitudes = self._towards(mel, beyond.abs())
            z = torch.polar(magnitudes, beyond.angle())
            last = nearest
        return inverse(z)


def _check_steps(n_iter, momentum):
    for name, number in (("n_iter", n_iter), ("momentum", momentum)):
        if number < 0:
            raise ValueError(f"{name} must not be negative; got {number}")


def _hertz_to_mel(hertz):
    if hertz < 1000:
        return 3 * hertz / 200
    return 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def _mel_to_hertz(mel):
    """Of a tensor."""
    return torch.where(mel < 15, 200 * mel / 3, 1000 * 6.4 ** ((mel - 15) / 27))

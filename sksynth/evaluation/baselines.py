"""What a generator has to beat."""

from numbers import Real

from sklearn.utils import check_scalar

from sksynth.evaluation._baselines import ClassWeights, RepeatedRows, weight_names
from sksynth.evaluation._frame import REAL_ONLY
from sksynth.over_sampling import FlatSampler


def baselines(classifier=None, *, jitter=0.05):
    """Methods that need no generator, by name, ready for :func:`compare`.

    - ``"real only"``: nothing is done;
    - ``"class weights"``: the real rows, and ``class_weight="balanced"``;
    - ``"random over-sampling"``: training rows repeated;
    - ``"jitter"``: training rows repeated, with noise added;
    - ``"SMOTE"``: interpolations between neighbours of a class [1]_, on the flattened
      signals; needs six training rows of each class that it adds to, which
      :func:`compare` says before anything is trained. With fewer take
      ``FlatSampler(SMOTE(k_neighbors=2))``, say, in its place.

    Parameters
    ----------
    classifier : classifier, default=None
        What shall be trained. ``"class weights"`` is there if it, or a part of it, has
        a parameter ``class_weight``.
    jitter : float, default=0.05
        Deviation of the Gaussian noise, as a part of the deviation of the class's
        training rows in that channel.

    Returns
    -------
    baselines : dict of str to object
        To be merged with your own: ``{**baselines(classifier), "VAE": VAE()}``.

    Raises
    ------
    ValueError
        If ``jitter`` is negative.

    References
    ----------
    .. [1] N. V. Chawla et al., "SMOTE: synthetic minority over-sampling technique",
       Journal of Artificial Intelligence Research 16, 321-357, 2002.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sksynth.evaluation import baselines
    >>> list(baselines(LogisticRegression()))
    ['real only', 'class weights', 'random over-sampling', 'jitter', 'SMOTE']
    """
    check_scalar(jitter, "jitter", Real, min_val=0)
    methods = {REAL_ONLY: None}
    if classifier is not None and weight_names(classifier):
        methods["class weights"] = ClassWeights()
    return {
        **methods,
        "random over-sampling": RepeatedRows(),
        "jitter": RepeatedRows(jitter),
        "SMOTE": FlatSampler(),
    }

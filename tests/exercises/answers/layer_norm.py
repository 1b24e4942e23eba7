import numpy as np


def right_by_hand(x, weight, bias):
    centred = x - x.mean(axis=1)[:, None]
    scale = np.sqrt((centred**2).mean(axis=1) + 1e-5)
    return centred / scale[:, None] * weight + bias


def right_in_one(x, weight, bias):
    n = x.shape[-1]
    mean = x.sum(-1, keepdims=True) / n
    square = np.square(x - mean).sum(-1, keepdims=True) / n
    return weight * ((x - mean) * (square + 1e-5) ** -0.5) + bias


def wrong_sample_variance(x, weight, bias):
    """divides by n - 1"""
    variance = x.var(axis=-1, keepdims=True, ddof=1)
    return weight * (x - x.mean(-1, keepdims=True)) / np.sqrt(variance + 1e-5) + bias


def wrong_axis(x, weight, bias):
    """columns are normed"""
    return weight * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) + bias


def wrong_whole(x, weight, bias):
    """One mean and variance of the whole array"""
    return weight * (x - x.mean()) / np.sqrt(x.var() + x.dtype.type(1e-5)) + bias


def wrong_epsilon(x, weight, bias):
    """not under the root"""
    return (
        weight * (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + 1e-5)
        + bias
    )


def wrong_no_epsilon(x, weight, bias):
    """1e-5 under the root is missing"""
    return weight * (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True) + bias


def wrong_variance(x, weight, bias):
    """divides by the variance"""
    return (
        weight * (x - x.mean(-1, keepdims=True)) / (x.var(-1, keepdims=True) + 1e-5)
        + bias
    )


def wrong_bias(x, weight, bias):
    """bias is multiplied"""
    normed = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return weight * (normed + bias)


def wrong_plain(x, weight, bias):
    """not used"""
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def wrong_rms(x, weight, bias):
    """wrong|differ|mean is not subtracted|values"""
    return weight * x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) + bias


def wrong_in_place(x, weight, bias):
    """changes its argument x"""
    x -= x.mean(-1, keepdims=True)
    return weight * x / np.sqrt(x.var(-1, keepdims=True) + 1e-5) + bias


def wrong_float64(x, weight, bias):
    """float64 comes out"""
    x = np.asarray(x, np.float64)
    return (
        weight
        * (x - x.mean(-1, keepdims=True))
        / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        + bias
    )


def wrong_without_keepdims(x, weight, bias):
    """with keepdims=True the mean is"""
    return weight * (x - x.mean(-1)) / np.sqrt(x.var(-1) + 1e-5) + bias


def wrong_variance_without_keepdims(x, weight, bias):
    """with keepdims=True the mean is"""
    centred = x - x.mean(-1, keepdims=True)
    return weight * centred / np.sqrt(x.var(-1) + 1e-5) + bias


def wrong_no_bias(x, weight, bias):
    """bias is not used"""
    return right_by_hand(x, weight, 0 * bias)


def wrong_no_weight(x, weight, bias):
    """weight is not used"""
    return right_by_hand(x, 0 * weight + 1, bias)


def wrong_no_mean(x, weight, bias):
    """mean is not subtracted"""
    return x / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * weight + bias


def wrong_mean_without_keepdims(x, weight, bias):
    """with keepdims=True|raised ValueError"""
    scale = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return weight * (x - x.mean(axis=-1)) / scale + bias

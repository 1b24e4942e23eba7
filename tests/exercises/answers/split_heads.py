import numpy as np


def right_swap(x, n_head):
    return np.swapaxes(x.reshape(len(x), n_head, x.shape[1] // n_head), 0, 1)


def right_split(x, n_head):
    return np.stack(np.split(x, n_head, axis=1))


def right_loop(x, n_head):
    d = x.shape[1] // n_head
    return np.array([x[:, h * d : (h + 1) * d] for h in range(n_head)])


def wrong_reshape(x, n_head):
    """only reshaped"""
    return x.reshape(n_head, len(x), -1)


def wrong_interleaved(x, n_head):
    """n_head apart"""
    return x.reshape(len(x), -1, n_head).transpose(2, 0, 1)


def wrong_no_transpose(x, n_head):
    """token comes first"""
    return x.reshape(len(x), n_head, -1)


def wrong_sideways(x, n_head):
    """on its side"""
    return x.reshape(len(x), n_head, -1).transpose(1, 2, 0)


def wrong_order(x, n_head):
    """wrong order"""
    return np.stack(np.split(x, n_head, axis=1)[::-1])


def wrong_list(x, n_head):
    """returns a list"""
    return np.split(x, n_head, axis=1)


def wrong_size(x, n_head):
    """raised ValueError"""
    return x.reshape(len(x), n_head, n_head).transpose(1, 0, 2)


def wrong_tokens(x, n_head):
    """in other places"""
    return right_swap(x, n_head)[:, ::-1]

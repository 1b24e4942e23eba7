from numpygpt.plain import attention, layer_norm, mlp


def right_two_lines(x, params, n_head):
    x = x + attention(layer_norm(x, **params["ln_1"]), n_head, **params["attn"])
    return x + mlp(layer_norm(x, **params["ln_2"]), **params["mlp"])


def right_in_steps(x, params, n_head):
    out = x.copy()
    norm = params["ln_1"]
    normed = layer_norm(out, norm["weight"], norm["bias"])
    c_attn, c_proj = params["attn"]["c_attn"], params["attn"]["c_proj"]
    out += attention(normed, n_head, c_attn, c_proj)
    norm = params["ln_2"]
    normed = layer_norm(out, norm["weight"], norm["bias"])
    out += mlp(normed, params["mlp"]["c_fc"], params["mlp"]["c_proj"])
    return out


def wrong_norm_behind(x, params, n_head):
    """norm stands behind"""
    x = layer_norm(x + attention(x, n_head, **params["attn"]), **params["ln_1"])
    return layer_norm(x + mlp(x, **params["mlp"]), **params["ln_2"])


def wrong_no_residual(x, params, n_head):
    """no residual"""
    x = attention(layer_norm(x, **params["ln_1"]), n_head, **params["attn"])
    return mlp(layer_norm(x, **params["ln_2"]), **params["mlp"])


def wrong_attention_replaces(x, params, n_head):
    """Attention's result replaces"""
    x = attention(layer_norm(x, **params["ln_1"]), n_head, **params["attn"])
    return x + mlp(layer_norm(x, **params["ln_2"]), **params["mlp"])


def wrong_mlp_replaces(x, params, n_head):
    """MLP's result replaces"""
    x = x + attention(layer_norm(x, **params["ln_1"]), n_head, **params["attn"])
    return mlp(layer_norm(x, **params["ln_2"]), **params["mlp"])


def wrong_normed_residual(x, params, n_head):
    """added to the normed rows"""
    x = layer_norm(x, **params["ln_1"])
    x = x + attention(x, n_head, **params["attn"])
    x = layer_norm(x, **params["ln_2"])
    return x + mlp(x, **params["mlp"])


def wrong_parallel(x, params, n_head):
    """from before attention"""
    a = attention(layer_norm(x, **params["ln_1"]), n_head, **params["attn"])
    return x + a + mlp(layer_norm(x, **params["ln_2"]), **params["mlp"])


def wrong_same_norm(x, params, n_head):
    """ln_1's weights"""
    x = x + attention(layer_norm(x, **params["ln_1"]), n_head, **params["attn"])
    return x + mlp(layer_norm(x, **params["ln_1"]), **params["mlp"])


def wrong_order(x, params, n_head):
    """MLP comes first"""
    x = x + mlp(layer_norm(x, **params["ln_2"]), **params["mlp"])
    return x + attention(layer_norm(x, **params["ln_1"]), n_head, **params["attn"])


def wrong_in_place(x, params, n_head):
    """changes its argument x"""
    x += attention(layer_norm(x, **params["ln_1"]), n_head, **params["attn"])
    x += mlp(layer_norm(x, **params["ln_2"]), **params["mlp"])
    return x


def wrong_no_norm(x, params, n_head):
    """norms are missing"""
    x = x + attention(x, n_head, **params["attn"])
    return x + mlp(x, **params["mlp"])

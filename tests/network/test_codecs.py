from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.network.codecs import (
    BLOCK_BYTES,
    _unpack,
    decode_blocks,
    decode_rows,
    encode_blocks,
    encode_rows,
)

BITS = pytest.mark.parametrize("bits", [4, 6])


def weights(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def test_a_four_bit_block_holds_a_scale_and_two_halves():
    scale = torch.tensor([0.5], dtype=torch.float16).view(torch.uint8)
    low, high = torch.arange(16, dtype=torch.uint8), torch.full((16,), 9, dtype=torch.uint8)
    block = torch.cat([scale, low | (high << 4)])
    assert decode_blocks(block).tolist() == [(n - 8) * 0.5 for n in range(16)] + [0.5] * 16


def test_a_six_bit_block_holds_the_upper_bits_separately():
    scale = torch.tensor([2.0], dtype=torch.float16).view(torch.uint8)
    values = torch.arange(32, dtype=torch.uint8) * 2
    low = (values[:16] & 15) | ((values[16:] & 15) << 4)
    upper = values >> 4
    pairs = upper[:8] | (upper[8:16] << 2) | (upper[16:24] << 4) | (upper[24:] << 6)
    assert decode_blocks(torch.cat([scale, low, pairs]), 6).tolist() == [(2 * n - 32) * 2.0 for n in range(32)]


@BITS
@given(values=st.lists(st.floats(-100, 100, width=32), min_size=32, max_size=32))
@settings(max_examples=100, deadline=None)
def test_the_error_of_a_block_is_at_most_one_step(bits, values):
    row = torch.tensor(values)
    step = row.abs().max() / (1 << (bits - 1))
    error = (decode_blocks(encode_blocks(row, bits), bits) - row).abs().max()
    assert error <= 1.01 * step + 1e-5


@BITS
@given(seed=st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_encoding_decoded_blocks_again_changes_nothing(bits, seed):
    once = decode_blocks(encode_blocks(weights(3, 64, seed), bits), bits)
    assert torch.equal(decode_blocks(encode_blocks(once, bits), bits), once)


@BITS
def test_blocks_decode_to_the_same_weights_on_every_device(bits):
    blocks = encode_blocks(weights(6, 32), bits)
    by_torch = _unpack(blocks, blocks[:, :2].contiguous().view(torch.float16).float(), bits, torch)
    assert torch.equal(by_torch.reshape(6, 32), decode_blocks(blocks, bits))


@BITS
def test_blocks_have_the_documented_number_of_bytes(bits):
    assert encode_blocks(weights(5, 96), bits).shape == (5, 3 * BLOCK_BYTES[bits])


@BITS
def test_a_block_of_zeros_stays_zero(bits):
    assert not decode_blocks(encode_blocks(torch.zeros(2, 32), bits), bits).any()


def test_more_bits_have_smaller_errors():
    W = weights(64, 384)
    errors = [(decode_blocks(encode_blocks(W, bits), bits) - W).norm() for bits in (4, 6)]
    errors.append((decode_rows(*encode_rows(W)) - W).norm())
    assert errors == sorted(errors, reverse=True)


@given(seed=st.integers(0, 2**31), scale=st.floats(1e-3, 1e3))
@settings(max_examples=50, deadline=None)
def test_the_error_of_a_row_is_at_most_half_a_step(seed, scale):
    W = weights(4, 40, seed) * scale
    steps = W.abs().amax(1, keepdim=True) / 127
    assert ((decode_rows(*encode_rows(W)) - W).abs() <= 0.51 * steps).all()


def test_a_row_of_zeros_stays_zero():
    assert not decode_rows(*encode_rows(torch.zeros(2, 8))).any()


def test_the_result_has_the_given_type():
    assert decode_blocks(encode_blocks(weights(2, 32)), dtype=torch.bfloat16).dtype == torch.bfloat16
    assert decode_rows(*encode_rows(weights(2, 32)), dtype=torch.float16).dtype == torch.float16

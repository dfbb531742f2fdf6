import math

import pytest
import torch
from vector_quantize_pytorch import VectorQuantize

from sksynth.nn.codebook import EMACodebook


def codebook_at(codes, usage=10.0, **parameters):
    book = EMACodebook(*codes.shape, **parameters)
    book.usage.fill_(usage)
    book.vector_sum.copy_(codes * usage)
    book.is_placed = True
    return book


def test_a_vector_is_assigned_to_its_nearest_code():
    book = codebook_at(torch.randn(13, 4)).eval()
    z = torch.randn(5, 7, 4)
    quantized, indices, commitment = book(z)
    for i in range(5):
        for j in range(7):
            distances = [float((z[i, j] - code).square().sum()) for code in book.codes]
            assert indices[i, j] == distances.index(min(distances))
            torch.testing.assert_close(quantized[i, j], book.codes[indices[i, j]])
    torch.testing.assert_close(commitment, (z - quantized).square().mean())


def test_quantising_twice_changes_nothing():
    book = codebook_at(torch.randn(13, 4)).eval()
    once, indices, _ = book(torch.randn(5, 7, 4))
    twice, again, commitment = book(once)
    assert torch.equal(indices, again)
    torch.testing.assert_close(once, twice)
    assert commitment < 1e-12


def test_the_gradient_goes_straight_through():
    book = codebook_at(torch.randn(13, 4)).eval()
    z = torch.randn(2, 3, 4, requires_grad=True)
    quantized, indices, commitment = book(z)
    weight = torch.randn(2, 3, 4)
    (quantized * weight).sum().backward(retain_graph=True)
    torch.testing.assert_close(z.grad, weight)
    z.grad = None
    commitment.backward()
    torch.testing.assert_close(z.grad, 2 * (z - book.codes[indices]).detach() / 24)


def test_codes_are_the_moving_averages_of_vector_quantize_pytorch():
    torch.manual_seed(0)
    peer = VectorQuantize(
        dim=4,
        codebook_size=6,
        decay=0.8,
        eps=1e-12,
        commitment_weight=1.0,
        threshold_ema_dead_code=0,
    )
    start = peer.codebook.detach().clone()
    own = codebook_at(start, usage=1.0, decay=0.8, min_usage=0.0)
    peer._codebook.cluster_size.fill_(1.0)
    peer._codebook.embed_avg.copy_(start[None])
    peer.train(), own.train()
    for _ in range(5):
        z = torch.randn(8, 9, 4)
        expected, expected_indices, expected_loss = peer(z)
        quantized, indices, commitment = own(z)
        assert torch.equal(indices, expected_indices)
        torch.testing.assert_close(quantized, expected, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(commitment, expected_loss.sum())
    torch.testing.assert_close(own.codes, peer.codebook, rtol=1e-5, atol=1e-6)


def test_decayed_means_are_those_by_hand():
    book = codebook_at(torch.tensor([[0.0], [10.0]]), usage=2.0, decay=0.5)
    book.train()(torch.tensor([[[1.0], [3.0], [12.0]]]))
    # code 0: usage 1 + 1, sum 0 + 0.5 * 4; code 1: usage 1 + 0.5, sum 10 + 0.5 * 12
    assert book.usage.tolist() == [2.0, 1.5]
    torch.testing.assert_close(book.codes[:, 0], torch.tensor([1.0, 16 / 1.5]))


def test_a_dead_code_restarts_and_stays():
    torch.manual_seed(0)
    codes = torch.tensor([[0.0, 0.0], [100.0, 100.0]])
    book = codebook_at(codes, usage=50.0, decay=0.9).train()
    vectors = torch.cat([torch.randn(1, 50, 2), torch.randn(1, 50, 2) + 8], dim=1)
    for _ in range(60):
        book(vectors)
    assert book.codes.max() < 10
    shares = book.usage / book.usage.sum()
    assert shares.min() > 0.3  # each has one of the two clouds
    places = book.codes.mean(dim=1).sort().values
    torch.testing.assert_close(places, torch.tensor([0.0, 8.0]), rtol=0, atol=0.5)


def test_a_restarted_code_has_the_mean_usage_and_a_vector_of_the_batch():
    book = codebook_at(torch.tensor([[0.0], [1.0], [99.0]]), usage=2.0, decay=0.5)
    book.usage[2] = 0.1
    book.vector_sum[2] = 9.9
    z = torch.tensor([[[0.1], [0.2], [0.9], [1.1], [0.8], [-0.2]]])
    book.train()(z)
    assert book.usage[2] == 2.0  # 6 vectors, 3 codes
    assert torch.isclose(book.codes[2, 0], z.flatten()).any()


def test_the_first_batch_places_the_codes_by_k_means():
    torch.manual_seed(0)
    centres = 10 * torch.randn(8, 3)
    z = (centres.repeat(20, 1) + 0.01 * torch.randn(160, 3))[None]
    book = EMACodebook(16, 3)
    _, _, commitment = book.train()(z)
    assert commitment < 0.01 * z.var()


def test_evaluation_changes_nothing():
    book = EMACodebook(5, 3).eval()
    before = {k: v.clone() for k, v in book.state_dict().items()}
    book(torch.randn(4, 6, 3))
    assert all(torch.equal(v, before[k]) for k, v in book.state_dict().items())


@pytest.mark.parametrize(
    ("indices", "expected"),
    [([0, 1, 2, 3], 1.0), ([1, 1, 1], 0.25), ([2, 3, 2, 3], 0.5)],
)
def test_relative_perplexity_is_the_share_of_codes_in_use(indices, expected):
    found = EMACodebook(4, 2).relative_perplexity(torch.tensor([indices]))
    assert math.isclose(found, expected, rel_tol=1e-6)


def test_vectors_and_codes_are_compared_in_single_precision_under_autocast():
    book = codebook_at(torch.tensor([[1.0], [1.001]])).eval()
    with torch.autocast("cpu", torch.bfloat16):
        quantized, indices, _ = book(torch.tensor([[[1.0009]]]))
    assert indices.item() == 1
    assert quantized.dtype == torch.float32


def test_a_token_does_not_depend_on_the_rest_of_the_batch():
    book = EMACodebook(16, 3)
    book.train()(torch.randn(4, 30, 3))
    z = torch.randn(6, 5, 3)
    assert torch.equal(book.nearest(z)[2:3], book.nearest(z[2:3]))

"""The official client, pointed at the data port."""

import openai
import pytest

from support.fleet import Workbench


@pytest.fixture(scope="module")
def client():
    bench = Workbench()
    try:
        launch = bench.launch(workers=[bench.worker().url, bench.worker().url], data_planes=2)
        bench.wait_ready(launch)
        yield openai.OpenAI(base_url=f"{launch.url}/v1", api_key="sk-test", max_retries=0)
    finally:
        problems = bench.close()
    assert not problems, problems


MESSAGES = [{"role": "user", "content": "Which way to Crewe?"}]


def test_completes_a_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="simulated", messages=MESSAGES, max_tokens=8)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.completion_tokens == 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8


def test_streams_a_chat(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="simulated", messages=MESSAGES, max_tokens=16, stream=True, stream_options={"include_usage": True},
    )
    pieces, usage, finish = [], None, None
    for event in stream:
        usage = event.usage or usage
        for choice in event.choices:
            pieces.append(choice.delta.content or "")
            finish = choice.finish_reason or finish
    assert len([piece for piece in pieces if piece]) >= 8 and finish in ("stop", "length")
    assert usage.completion_tokens == 16


def test_a_stream_says_the_same_as_a_whole_answer(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="simulated", messages=MESSAGES, max_tokens=12)
    stream = client.chat.completions.create(model="simulated", messages=MESSAGES, max_tokens=12, stream=True)
    text = "".join(choice.delta.content or "" for event in stream for choice in event.choices)
    assert text == whole.choices[0].message.content


def test_completions_and_embeddings(client: openai.OpenAI) -> None:
    completion = client.completions.create(model="simulated", prompt="Once upon", max_tokens=4)
    assert completion.usage.completion_tokens == 4
    embedding = client.embeddings.create(model="simulated", input=["a", "b"], encoding_format="float")
    assert len(embedding.data) == 2 and len(embedding.data[0].embedding) > 0


def test_lists_the_models(client: openai.OpenAI) -> None:
    models = client.models.list().data
    assert [model.id for model in models] == ["simulated"]
    assert models[0].max_model_len > 0


def test_a_model_that_no_worker_names_is_the_workers_to_judge(client: openai.OpenAI) -> None:
    """All workers serve the same models, so there is nothing to tell apart; SGLang serves whatever name it is given."""
    answer = client.chat.completions.create(model="default", messages=MESSAGES, max_tokens=1)
    assert answer.usage.completion_tokens == 1


def test_usage_tells_the_prefix_that_the_worker_had_cached(client: openai.OpenAI) -> None:
    long = [{"role": "user", "content": "The quick brown fox jumps over the lazy dog. " * 200}]
    cached = [
        client.chat.completions.create(model="simulated", messages=long, max_tokens=1)
        .usage.prompt_tokens_details.cached_tokens for _ in range(4)
    ]
    assert cached[0] == 0 and max(cached) > 100

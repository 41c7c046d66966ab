"""wrangler-like.toml: service bindings and triggers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from paddock.bindings.host import BindingsHost
from paddock.worker.assembly import make_bindings, make_broker, make_service, make_start
from paddock.worker.config.loading import QueueConsumer, QueueProducer, ServiceBinding

if TYPE_CHECKING:
    from .conftest import Project

SERVICE = '[[services]]\nbinding = "SELF"\nservice = "demo"\n'


def test_services_are_read(project: Project) -> None:
    config = project.load(SERVICE + 'entrypoint = "Named"\nprops = {a = 1}\n')
    assert config.services == (ServiceBinding(binding="SELF", service="demo", entrypoint="Named", props={"a": 1}),)
    assert config.warnings == ()


def test_a_service_of_the_own_name_is_the_worker_itself(project: Project) -> None:
    config = project.load(SERVICE + '[[services]]\nbinding = "OTHER"\nservice = "elsewhere"\n')
    start = make_start(config, BindingsHost({}))
    assert [(service.binding, service.is_own) for service in start.services] == [("SELF", True), ("OTHER", False)]
    assert (start.root, start.is_strict) == (str(config.root), True)


def test_an_environment_has_a_name_of_its_own(project: Project) -> None:
    text = '[[env.staging.services]]\nbinding = "SELF"\nservice = "demo-staging"\n'
    start = make_start(project.load(text, env="staging"), BindingsHost({}))
    assert [service.is_own for service in start.services] == [True]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("services = 1", 'The field "services" should be an array but got 1.'),
        ("services = [1]", '"services" bindings should be objects, but got 1'),
        (
            'services = [{service = "x"}]',
            '"services[0]" bindings should have a string "binding" field but got {"service":"x"}.',
        ),
        (
            'services = [{binding = "X"}]',
            '"services[0]" bindings should have a string "service" field but got {"binding":"X"}.',
        ),
        (
            'services = [{binding = "X", service = "x", entrypoint = 1}]',
            '"services[0]" bindings should have an optional string "entrypoint" field but got {shown}.',
        ),
    ],
)
def test_what_is_no_service_is_said_in_wranglers_words(project: Project, text: str, problem: str) -> None:
    shown = '{"binding":"X","service":"x","entrypoint":1}'
    assert project.problems(text) == [problem.replace("{shown}", shown)]


@pytest.mark.parametrize(
    ("other", "kinds"),
    [
        ('[vars]\nSELF = "x"\n', "Environment Variable and Worker"),
        ('[ai]\nbinding = "SELF"\n', "AI and Worker"),
        (SERVICE, "multiple Worker"),
        ('[[queues.producers]]\nbinding = "SELF"\nqueue = "q"\n', "Worker and Queue"),
    ],
)
def test_two_bindings_of_one_name_are_an_error(project: Project, other: str, kinds: str) -> None:
    """DT-063."""
    (problem,) = project.problems(SERVICE + other)
    assert problem.startswith(f"SELF assigned to {kinds} bindings.\n")


def test_crons_are_read(project: Project) -> None:
    config = project.load('[triggers]\ncrons = ["* * * * *"]\n')
    assert (config.crons, config.warnings) == (("* * * * *",), ())


def test_crons_are_texts(project: Project) -> None:
    assert project.problems("[triggers]\ncrons = [1]\n") == [
        'Expected "triggers.crons" to be of type string array but got [1].'
    ]


def test_strict_is_a_setting(project: Project) -> None:
    assert not make_start(project.load("[paddock]\nstrict = false\n"), BindingsHost({})).is_strict


def test_queues_are_read(project: Project) -> None:
    text = """
[[queues.producers]]
binding = "JOBS"
queue = "jobs"
[[queues.consumers]]
queue = "jobs"
max_batch_size = 10
max_concurrency = 1
"""
    config = project.load(text)
    assert config.producers == (QueueProducer(binding="JOBS", queue="jobs"),)
    assert config.consumers == (QueueConsumer(queue="jobs", max_batch_size=10, max_concurrency=1),)
    assert config.warnings == ()
    bindings = make_bindings(config, make_service(config, None), make_broker(config))
    assert bindings.kinds() == {"JOBS": "queue"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("queues = 1", 'The field "queues" should be an object but got 1.'),
        ("queues.producers = 1", 'The field "queues.producers" should be an array but got 1.'),
        (
            'queues.producers = [{queue = "q"}]',
            '"queues.producers[0]" bindings should have a string "binding" field but got {"queue":"q"}.',
        ),
        ("queues.consumers = [{}]", '"queues.consumers[0]" bindings should have a string "queue" field but got {}.'),
        (
            'queues.consumers = [{queue = "q", max_batch_size = 0}]',
            'Expected "queues.consumers[0].max_batch_size" to be of type number (at least 1, at most 100) but got 0.',
        ),
    ],
)
def test_what_is_no_queue_is_said_in_wranglers_words(project: Project, text: str, problem: str) -> None:
    assert project.problems(text) == [problem]

"""Requests that schemathesis makes of the OpenAPI document, right and wrong ones, and what it finds in the answers."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.config import (
    CacheConfig,
    ChecksConfig,
    CoveragePhaseConfig,
    ExamplesPhaseConfig,
    FuzzingPhaseConfig,
    GenerationConfig,
    PhasesConfig,
    PositiveDataAcceptanceConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
    StatefulPhaseConfig,
)
from schemathesis.engine import events, from_schema

SEED = 20260105


@dataclass
class Findings:
    """What a run found: texts of failures, and how many requests were answered with which status."""

    failures: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)


def run(server: str, headers: dict[str, str], *, examples: int, coverage: bool) -> Findings:
    """Try every operation with these headers, with `examples` generated cases each; `coverage` adds boundary cases."""
    found = Findings()
    config = _config(headers, examples, coverage)
    schema = schemathesis.openapi.from_url(f"{server}/api/schema?format=json", config=config)
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _read(event.recorder, found)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.failures.append(f"{type(event).__name__}: {getattr(event, 'value', None) or event}")
    return found


def _config(headers: dict[str, str], examples: int, coverage: bool) -> SchemathesisConfig:
    project = ProjectConfig(
        headers=headers,
        continue_on_failure=True,
        generation=GenerationConfig(max_examples=examples, deterministic=True, no_shrink=True, database="none"),
        phases=PhasesConfig(
            examples=ExamplesPhaseConfig(enabled=True),
            coverage=CoveragePhaseConfig(enabled=coverage),
            fuzzing=FuzzingPhaseConfig(enabled=True),
            stateful=StatefulPhaseConfig(enabled=False),
        ),
        # A well-formed command may still be refused by the books; the sweep shows that each is accepted somewhere.
        checks=ChecksConfig(positive_data_acceptance=PositiveDataAcceptanceConfig(enabled=False)),
    )
    return SchemathesisConfig(seed=SEED, projects=ProjectsConfig(default=project), cache=CacheConfig(enabled=False))


def _read(recorder: Any, found: Findings) -> None:
    found.operations.add(recorder.label)
    for interaction in recorder.interactions.values():
        if interaction.response is not None:
            found.statuses[interaction.response.status_code] += 1
    for case_id, checks in recorder.checks.items():
        answer, case = recorder.find_response(case_id=case_id), recorder.cases[case_id].value
        failed = [check for check in checks if check.failure_info is not None]
        for check in failed if not _for_want_of_a_chain(answer) else ():
            failure = check.failure_info.failure
            asked = f"{case.method} {case.formatted_path} {case.query} {str(case.body)[:200]}"
            answered = answer.content[:300] if answer else b""
            found.failures.append(f"{recorder.label}: {check.name}: {failure.message}\n  {asked}\n  {answered!r}")


def _for_want_of_a_chain(answer: Any) -> bool:
    """A command of those that need the platform's contracts: there are none here, and the answer says so."""
    return answer is not None and answer.status_code == 503 and b'"unknown_contract"' in answer.content

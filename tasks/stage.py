"""Owns what every stage of a run has in common: retries, timing, and its face in the Prefect UI.

Invariant: a stage does the same work and retries the same faults whether Prefect runs it or it is
called directly, with no server anywhere. Only a passing fault of the machine is retried.
Does not know what a stage does.
"""

import errno
import time
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from nightsort import logs
from nightsort.errors import LeaseLostError, WriteError
from tasks.context import in_flow_run
from tasks.runs import Run

P = ParamSpec("P")
R = TypeVar("R")

_LASTING = {errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.ENOTDIR}
_LOG = logs.logger("stage")
_DELAY = 1.0  # seconds before the first retry, doubled before the second


def stage(*, retries: int) -> Callable[[Callable[Concatenate[Run, P], R]], Callable[Concatenate[Run, P], R]]:
    """Make a function of a run a stage: a Prefect task inside a Prefect flow run, else a plain call.

    Its wall seconds are added to `run.seconds` under the function's name.

    :param retries: how often a passing fault is retried; 0 for work that must not be done twice
    """

    def decorate(body: Callable[Concatenate[Run, P], R]) -> Callable[Concatenate[Run, P], R]:
        task = cache(lambda: _as_task(body, retries))

        @wraps(body)
        def call(run: Run, *args: P.args, **kwargs: P.kwargs) -> R:
            start, name = time.perf_counter(), body.__name__
            with logs.within(run_id=run.id, flow=run.flow, stage=name):
                try:
                    if in_flow_run():
                        return cast(R, task()(run, *args, **kwargs))
                    return retrying(retries)(body, run, *args, **kwargs)
                finally:
                    took = time.perf_counter() - start
                    run.seconds[name] = run.seconds.get(name, 0.0) + took
                    _LOG.info("%s took %.3f s", name, took, extra={"seconds": round(took, 3)})

        return call

    return decorate


def dispensable(call: Callable[Concatenate[Run, P], R]) -> Callable[Concatenate[Run, P], R | None]:
    """A stage that its run can do without: where it fails it gives None, and the report says that something is missing.

    Who lost the lease ends all the same.
    """

    @wraps(call)
    def attempt(run: Run, *args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return call(run, *args, **kwargs)
        except LeaseLostError:
            raise
        except Exception as error:
            what = call.__name__.replace("_", " ")
            _LOG.warning("%s failed, and the run goes on without it", call.__name__, exc_info=True)
            run.remarks.append(f"the report lacks what '{what}' finds, which failed: {type(error).__name__}: {error}")
            return None

    return attempt


def _as_task(body: Callable[..., Any], retries: int) -> Callable[..., Any]:
    import prefect  # takes a second, and what runs without it need not wait
    from prefect.cache_policies import NO_CACHE

    return prefect.task(
        body,
        name=body.__name__.replace("_", " "),
        retries=retries,
        retry_delay_seconds=[_DELAY * 2**attempt for attempt in range(retries)] or None,
        retry_jitter_factor=0.5 if retries else None,
        retry_condition_fn=_is_worth_retrying,
        cache_policy=NO_CACHE,  # whether work is done is the ledger's question, not Prefect's
        persist_result=False,
    )


def retrying(retries: int) -> Retrying:
    """What calls a function again after a passing fault, with pauses that grow and vary.

    >>> retrying(retries=2)(print, "at most three times")
    at most three times
    """
    return Retrying(
        stop=stop_after_attempt(1 + retries),
        wait=wait_exponential_jitter(multiplier=_DELAY, jitter=_DELAY / 2),
        retry=retry_if_exception(is_passing),
        before_sleep=_tell,
        reraise=True,
    )


def _tell(state: RetryCallState) -> None:
    error = state.outcome and state.outcome.exception()
    _LOG.warning("attempt %d failed, and is repeated: %s: %s", state.attempt_number, type(error).__name__, error)


def is_passing(error: BaseException) -> bool:
    """Whether trying again may help: a fault of the machine that is not known to last."""
    cause = error.__cause__ if isinstance(error, WriteError) else error
    return isinstance(cause, OSError) and cause.errno not in _LASTING


def _is_worth_retrying(task: Any, task_run: Any, state: Any) -> bool:
    try:
        state.result()
    except BaseException as error:
        return is_passing(error)
    return False

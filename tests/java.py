"""Kafka's own client for Java, run from source files as the handbook shows it."""

import shutil
import subprocess

import pytest

from deploy.local.jars import cached_jars


def java_with_kafka() -> tuple[str, ...]:
    """How to start a source file that uses Kafka's client.

    Skips the test where there is no JDK (a JRE has no compiler) or the jars were not fetched.
    """
    java, jars = shutil.which("java"), cached_jars()
    if java is None or jars is None:
        pytest.skip("Java or Kafka's jars are not here")
    modules = subprocess.run(  # noqa: S603 - the Java of this machine
        [java, "--list-modules"], capture_output=True, text=True, check=True
    )
    if "jdk.compiler@" not in modules.stdout:
        pytest.skip("this Java has no compiler (module jdk.compiler): install a JDK")
    return (java, "-cp", f"{jars}/*")

"""One node of Apache Kafka in KRaft mode: jars by Maven into a cached folder, formatted, started, ended.

`python -m tests.e2e.apache_kafka` only fetches the jars and prints where they are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.e2e.parts import APT, java_version
from tests.e2e.processes import StartError, end, free_port, listens, spawn, wait_until

INSTALL = f"{APT} openjdk-17-jre-headless maven"
NEEDED_JAVA = 17
POM = Path(__file__).parent / "kafka" / "pom.xml"
CACHE = Path(__file__).parents[2] / ".cache" / "kafka"
HEAP = ("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


def version() -> str:
    """The Kafka version that the POM pins."""
    text = POM.read_text()
    return text.split("<kafka.version>")[1].split("</kafka.version>")[0]


def jars() -> Path:
    """Folder of the jars, whether they are there or not."""
    return CACHE / version()


def why_not() -> str:
    """Why Apache Kafka cannot run here, "" when it can (jars are cached, or Maven can be asked for them)."""
    if java_version() < NEEDED_JAVA:
        return f"Java {NEEDED_JAVA} or newer is needed, found {java_version() or 'none'}"
    if not jars().is_dir() and not shutil.which("mvn"):
        return "Maven is needed for the first run and was not found"
    return ""


def fetch() -> Path:
    """Resolves the jars with Maven unless they are cached; raises StartError with Maven's own words."""
    folder = jars()
    if folder.is_dir():
        return folder
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    part.mkdir(parents=True)
    command = ["mvn", "-B", "-q", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={part}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        shutil.rmtree(part)
        raise StartError(f"Maven could not resolve the jars of Kafka {version()}:\n{done.stdout[-1500:]}{done.stderr}")
    try:
        part.rename(folder)
    except OSError:  # another run of the tests was quicker
        shutil.rmtree(part)
    return folder


def start(home: Path) -> tuple[int, subprocess.Popen[bytes]]:
    """Formats and starts a node with its files under `home`; gives its port and its process."""
    classpath = f"{fetch()}/*"
    for attempt in range(3):
        run = home / f"kafka-{attempt}"
        run.mkdir(parents=True)
        port, controller, log = free_port(), free_port(), run / "kafka.log"
        properties = run / "server.properties"
        properties.write_text(PROPERTIES.format(port=port, controller=controller, data=run / "data"))
        _format(classpath, properties)
        process = spawn(
            ["java", *HEAP, "-Dlog4j2.level=WARN", "-cp", classpath, "kafka.Kafka", str(properties)], log, cwd=run
        )
        try:
            wait_until(lambda port=port: listens(port), process, log, seconds=60)  # type: ignore[misc]
        except StartError as error:
            end(process)
            if "Address already in use" not in str(error) or attempt == 2:
                raise
            continue
        return port, process
    raise StartError("no free port in three attempts")


def _format(classpath: str, properties: Path) -> None:
    tool = ["java", *HEAP, "-cp", classpath, "kafka.tools.StorageTool"]
    uuid = _told([*tool, "random-uuid"]).strip().splitlines()[-1]
    _told([*tool, "format", "--standalone", "-t", uuid, "-c", str(properties)])


def _told(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise StartError(f"{command[-1]}: code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    reason = why_not()
    if reason:
        sys.exit(f"Apache Kafka {version()}: {reason}; {INSTALL}")
    print(f"Apache Kafka {version()}: jars in {fetch()}")

"""A study whose workers write what a run leaves, without training: for tests of everything else.

usage: python study_script.py STUDY OUT SECONDS [--deaf]

With --deaf what Ray tells workers to end is lost.
"""

import sys


def worker(behave=None, seconds=0.0):
    """What stands for `zoo.studies.tasks.carry_out`; pickled whole, so it names nothing outside."""

    def carry_out(path, stage):
        import time

        from zoo.runs import write_json
        from zoo.studies import tasks

        def advance(cell, stage):
            run = cell.run
            if not cell.begun:
                run.update_manifest(status="running")
                run.write_recipe(cell.recipe.to_dict())
            with run.lock():
                end = time.monotonic() + seconds
                while time.monotonic() < end:  # a long sleep could not be interrupted
                    time.sleep(0.05)
                if behave:
                    behave(cell, stage)
                measured(cell, stage, run)

        def measured(cell, stage, run):
            value = 10.0 * (1 + (cell.generator == "lsgan")) + cell.seed
            card = {"comparable": {"better": "lower", "data": cell.data}}
            metric = {"name": "swd", "value": value, "floor": 5.0, "ratio": value / 5}
            metric |= {"n_real": 9, "n_fake": 9, "interval": None, "protocol": card}
            if stage == "training":
                run.update_manifest(sampled=True, images_per_second=7.0, timings={"training": 2.0})
            if stage == "evaluation":
                write_json(run.evaluation_path, {"metrics": [metric], "not_computed": []})
            if stage == "detection":
                row = {"name": "logistic", "accuracy": 0.9}
                found = {"valid": True, "detectors": [row], "protocol": {"comparable": {}}}
                write_json(run.detection_path, found)
            done = stage == cell.stages[-1]
            if done:
                run.report_path.touch()
            run.update_manifest(status="finished" if done else "interrupted")
            with (run.path / "done.txt").open("a") as file:
                file.write(f"{stage}\n")

        tasks._advance = advance
        tasks.carry_out(path, stage)

    return carry_out


if __name__ == "__main__":
    from zoo.errors import ZooError
    from zoo.studies import cluster, driver

    driver.carry_out = worker(seconds=float(sys.argv[3]))
    if "--deaf" in sys.argv:
        begin = cluster._init

        def init(ray, *given):
            begin(ray, *given)
            ray.cancel = lambda task, *, force: None

        cluster._init = init
    try:
        driver.study(sys.argv[1], out=sys.argv[2], cpus=2)
    except ZooError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_status)

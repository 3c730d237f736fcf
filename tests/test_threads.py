"""One thread for linear algebra wherever work is done: by the command, and by every worker it starts."""

import subprocess
import sys

from gvi_eval.threads import ONE_THREAD


def test_the_command_takes_one_thread_unless_the_user_says_otherwise():
    code = (
        "import os\n"
        f"for name in {ONE_THREAD!r}: os.environ.pop(name, None)\n"
        "os.environ['OMP_NUM_THREADS'] = '3'\n"
        "from gvi_eval.cli import main\n"
        "try: main(['check', 'nothing.csv'])\n"
        "except SystemExit: pass\n"
        f"print([os.environ[name] for name in {ONE_THREAD!r}])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[-1] == str(["3" if name == "OMP_NUM_THREADS" else "1" for name in ONE_THREAD])

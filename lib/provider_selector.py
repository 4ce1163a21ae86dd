"""Select a provider and model by complexity (seed 001): a face for `lib select`.

python3 lib/provider_selector.py select --complexity 3
from lib.provider_selector import ProviderSelector
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from orchestrator.commands import console
from orchestrator.commands.select import ProviderSelector, Selection

__all__ = ["ProviderSelector", "Selection"]

if __name__ == "__main__":
    console(["select", *sys.argv[1:]])

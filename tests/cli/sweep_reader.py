"""A sweep's results open with h5py and xarray. Usage: sweep_reader.py RIGSIM. Exits with 77 (skipped) without them."""

import os
import subprocess
import sys
import tempfile
import unittest

try:
    import h5py
    import numpy
    import xarray
    import netCDF4  # noqa: F401 (xarray reads by it)
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

RIGSIM = sys.argv.pop(1)
SWEEP = """
base: {model: llama-3-8b, weights: q4_k_m, prompt_tokens: 64, output_tokens: 8}
axes:
- {key: rig, values: [rtx-4090, a6000]}
- {key: batch, values: [1, 2, 4]}
"""


class SweepReader(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        sweep = os.path.join(cls.directory.name, "s.yaml")
        cls.path = os.path.join(cls.directory.name, "s.h5")
        with open(sweep, "w", encoding="utf-8") as file:
            file.write(SWEEP)
        subprocess.run([RIGSIM, "sweep", sweep, "--output", cls.path], check=True, stdout=subprocess.DEVNULL)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def test_h5py_finds_the_fastest_rig_of_each_batch(self):
        f = h5py.File(self.path)
        rig = f["lookup/rig"].asstr()[:][f["points/rig"][:]]
        batch, rate = f["points/batch"][:], f["points/decode_tokens_per_s"][:]
        for each in (1, 2, 4):
            of_batch = numpy.flatnonzero(batch == each)
            self.assertEqual(rig[of_batch[rate[of_batch].argmax()]], "rtx-4090")

    def test_columns_have_units_and_points_ids(self):
        with h5py.File(self.path) as f:
            self.assertEqual(f.attrs["complete"], 1)
            self.assertEqual(f.attrs["sweep_yaml"], SWEEP)
            for name, column in f["points"].items():
                if name != "row":
                    self.assertEqual(column.shape, (6,), name)
                    self.assertTrue(column.attrs["units"], name)
            self.assertEqual(len(set(f["points/id"][:].tolist())), 6)
            self.assertEqual(f["points/ttft_s"].attrs["units"], "s")

    def test_xarray_opens_the_table(self):
        with xarray.open_dataset(self.path, group="points") as points:
            self.assertEqual(points.sizes, {"row": 6})
            self.assertTrue((points.decode_tokens_per_s_low < points.decode_tokens_per_s).all())


if __name__ == "__main__":
    unittest.main()

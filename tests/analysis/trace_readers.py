"""A trace opens with h5py, xarray, ncdump and h5dump, and says the same in each.

Usage: trace_readers.py PROGRAM, where PROGRAM writes the sample trace to the path it is given.
Exits with 77 (skipped) where a reader is not installed.
"""

import os
import shutil
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
for tool in ("ncdump", "h5dump"):
    if shutil.which(tool) is None:
        print(f"skipped: no {tool}")
        sys.exit(77)

PROGRAM = sys.argv.pop(1)
ROWS = {"ops": 1000, "transfers": 2, "steps": 2, "requests": 2,
        "device_occupancy": 2, "link_occupancy": 2, "summary": 2}


class TraceReaders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.directory.name, "run.h5")
        subprocess.run([PROGRAM, cls.path], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def test_h5py_reads_it_in_three_lines(self):
        f = h5py.File(self.path)
        names = f["lookup/op_name"].asstr()[:][f["ops/name"][:]]
        time = f["ops/duration"][:][names == "attn_q"].sum()  # 2 rigs x 375 kernels x 10 ps
        self.assertEqual(time, 7500)

    def test_h5py_sees_columns_in_order_with_units_and_descriptions(self):
        with h5py.File(self.path) as f:
            self.assertEqual(list(f["steps"]), ["row", "rig", "start", "duration", "phase", "batch",
                                                "tokens", "context_tokens"])
            for table, rows in ROWS.items():
                for name, column in f[table].items():
                    self.assertEqual(column.shape, (rows,), column.name)
                    if name == "row":
                        continue
                    self.assertTrue(column.attrs["units"], column.name)
                    self.assertTrue(column.attrs["description"], column.name)
                    self.assertEqual(column.compression, "gzip", column.name)
                    if "lookup" in column.attrs:
                        self.assertLess(column[:].max(), len(f[column.attrs["lookup"]]))

    def test_h5py_sees_where_it_comes_from(self):
        with h5py.File(self.path) as f:
            self.assertEqual(f.attrs["Conventions"], "CF-1.10")
            self.assertEqual(f.attrs["schema_name"], "rigsim-trace")
            self.assertEqual(list(f.attrs["schema_version"]), [1, 0])
            self.assertEqual(f.attrs["seed"], 7)
            self.assertEqual(f.attrs["complete"], 1)
            self.assertTrue(f.attrs["scenario_yaml"].startswith("model: llama-3-70b"))
            self.assertEqual(f["ops"].attrs["ops_traced_steps"], "all")

    def test_xarray_opens_every_table(self):
        for table, rows in ROWS.items():
            with xarray.open_dataset(self.path, group=table) as data:
                self.assertEqual(dict(data.sizes), {"row": rows})
                self.assertEqual(len(data.to_dataframe()), rows)
        with xarray.open_dataset(self.path, group="lookup") as lookup:
            self.assertEqual(list(lookup["rig"].values), ["2x4090", "a6000"])

    def test_xarray_keeps_times_as_numbers_and_no_layer_as_nan(self):
        with xarray.open_dataset(self.path, group="ops") as ops:
            self.assertEqual(ops["start"].dtype, numpy.int64)
            self.assertEqual(ops["start"].attrs["units"], "ps")
            self.assertEqual(int(numpy.isnan(ops["layer"]).sum()), 250)
            self.assertEqual(float(ops["layer"].max()), 78)  # op 79 of 80 is on the host
        with xarray.open_dataset(self.path, group="requests") as requests:
            self.assertEqual(requests["e2e"].dtype, numpy.float64)
            self.assertAlmostEqual(float(requests["e2e"][0]), 5e-9)

    def test_ncdump_shows_every_column_with_its_unit(self):
        text = subprocess.run(["ncdump", "-h", self.path], check=True, capture_output=True,
                              text=True).stdout
        for line in ("row = UNLIMITED ; // (1000 currently)", "int64 start(row) ;",
                     'string start:units = "ps" ;', "double e2e(row) ;", 'string e2e:units = "s" ;',
                     "string rig(rig) ;", "layer:_FillValue = 4294967295U ;"):
            self.assertIn(line, text)
        self.assertNotIn("phony", text)

    def test_h5dump_reads_the_header_without_complaint(self):
        run = subprocess.run(["h5dump", "-H", self.path], check=True, capture_output=True, text=True)
        self.assertEqual(run.stderr, "")
        self.assertIn('DATASET "on_critical_path"', run.stdout)
        self.assertNotIn("H5T_ENUM", run.stdout)


if __name__ == "__main__":
    unittest.main()

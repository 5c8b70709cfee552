"""The extractor in Wasmtime with its own cache, by Wasmtime's C API: from its file to the first instance."""

import json
import sys
import time

from wasmtime import Config, Engine, Store
from wasmtime.component import Component, Linker, Variant

file, settings, page = sys.argv[1:]
config = Config()
config.cache = settings
engine = Engine(config)
# As ours, it has loaded and instantiated something before.
Linker(engine).instantiate(Store(engine), Component(engine, "(component (core module))"))
store = Store(engine)
linker = Linker(engine)

began = time.perf_counter()
component = Component.from_file(engine, file)
instance = linker.instantiate(store, component)
millis = (time.perf_counter() - began) * 1000

interface = instance.get_export_index(store, "riptide:extractor/extract@1.0.0")
extract = instance.get_func(store, instance.get_export_index(store, "extract", interface))
print(json.dumps({"millis": millis, "title": extract(store, page, "", Variant("article")).title}))

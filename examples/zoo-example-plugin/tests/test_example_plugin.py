from zoo.testing import conformance

test_example_plugin = conformance("zoo-example-plugin")

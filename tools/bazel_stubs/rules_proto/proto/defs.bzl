"""Stand-in for @rules_proto: names that Bazel's own tools load, forwarded to the native rules."""

proto_lang_toolchain = native.proto_lang_toolchain
proto_library = native.proto_library

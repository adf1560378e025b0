/// The version of this software, shown by `--version`, in `hello` messages and in the `Server` of the admin API.
public let softwareVersion = "0.1.0"

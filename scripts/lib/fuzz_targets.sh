# shellcheck shell=bash
# shellcheck disable=SC2034 # read by scripts/fuzz.sh
# The fuzz targets: for each its program in Fuzz/Targets, and the folders below Sources that are compiled with it.
target_names=(request-head response-head body-framer json-scan ndjson engine peer-datagram)
declare -A target_program=(
    [request-head]=RequestHeadTarget
    [response-head]=ResponseHeadTarget
    [body-framer]=BodyFramerTarget
    [json-scan]=JSONScanTarget
    [ndjson]=NDJSONTarget
    [engine]=EngineTarget
    [peer-datagram]=PeerDatagramTarget
)
declare -A target_sources=(
    [request-head]="DataPlane/Core/Bytes DataPlane/Core/HTTP1"
    [response-head]="DataPlane/Core/Bytes DataPlane/Core/HTTP1"
    [body-framer]="DataPlane/Core/Bytes DataPlane/Core/HTTP1"
    [json-scan]="DataPlane/Core/Bytes DataPlane/Core/HTTP1 DataPlane/Core/JSON"
    [ndjson]="Protocol DataPlane/Core"
    [engine]="Protocol DataPlane/Core"
    [peer-datagram]="Protocol DataPlane/Core"
)
# Longest input in bytes: what it takes to reach every rule, as shorter inputs are tried more often.
declare -A target_bytes_max=(
    [request-head]=600
    [response-head]=600
    [body-framer]=400
    [json-scan]=600
    [ndjson]=2400
    [engine]=800
    [peer-datagram]=600
)

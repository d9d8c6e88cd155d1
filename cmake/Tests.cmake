# SPDX-License-Identifier: Apache-2.0
#
# Tests, found by their files:
#
#   tests/unit/<folder>/test_<name>.c      unit_<folder>_<name>    one executable, one CTest test
#   tests/{conform,oracle,replay,sim,fault}/test_<name>.c   <kind>_<name>
#   tests/fuzz/fuzz_<name>.c               fuzz_<name>: a libFuzzer target with the preset fuzz,
#                                          otherwise a test that replays tests/fuzz/corpus/<name>
#   tests/support/*.c, */*.c               a library for all of them
#   tests/{oracle,replay,input,fault,redis}/*.py against a running server; named at the end of this file
#
# CTest's labels are the kinds, and for a unit test its folder also.

if(NOT TALLYWHEEL_FUZZ)
    pkg_check_modules(cmocka QUIET IMPORTED_TARGET cmocka)
    if(NOT cmocka_FOUND)
        message(FATAL_ERROR "cmocka is missing: run scripts/setup, or pass -DTALLYWHEEL_TESTS=OFF")
    endif()
endif()

# A sanitizer slows a test down by five to fifteen times.
set(slower 1)
if(TALLYWHEEL_SANITIZE)
    set(slower 4)
endif()

set(test_environment
    "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp"
    "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/lsan.supp:print_suppressions=0"
    "TALLYWHEEL_SOURCE_DIR=${CMAKE_SOURCE_DIR}"
    "TALLYWHEEL_BUILD_DIR=${CMAKE_BINARY_DIR}")

# register_test(<name> <timeout in seconds> <labels> <command>...)
function(register_test name timeout labels)
    math(EXPR timeout "${timeout} * ${slower}")
    add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY "${CMAKE_BINARY_DIR}")
    set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout} LABELS "${labels}"
        ENVIRONMENT "${test_environment}")
endfunction()

file(GLOB support_sources CONFIGURE_DEPENDS tests/support/*.c tests/support/*/*.c)
set(test_support "")
if(support_sources)
    add_library(tw_test_support STATIC ${support_sources})
    target_include_directories(tw_test_support PUBLIC tests)
    target_link_libraries(tw_test_support PRIVATE tallywheel_flags ${tallywheel_below})
    if(NOT TALLYWHEEL_FUZZ)
        target_link_libraries(tw_test_support PUBLIC PkgConfig::cmocka)
    endif()
    set(test_support tw_test_support)
endif()

function(add_cmocka_test name source timeout labels)
    add_executable(${name} ${source})
    target_include_directories(${name} PRIVATE tests)
    target_link_libraries(${name} PRIVATE tallywheel_flags ${test_support} ${tallywheel_all}
        PkgConfig::cmocka)
    register_test(${name} ${timeout} "${labels}" ${name})
endfunction()

if(NOT TALLYWHEEL_FUZZ)
    file(GLOB sources CONFIGURE_DEPENDS tests/unit/*/test_*.c)
    foreach(source IN LISTS sources)
        get_filename_component(folder ${source} DIRECTORY)
        get_filename_component(folder ${folder} NAME)
        get_filename_component(name ${source} NAME_WE)
        string(REGEX REPLACE "^test_" "" name ${name})
        add_cmocka_test(unit_${folder}_${name} ${source} 30 "unit;${folder}")
    endforeach()

    foreach(kind conform oracle replay sim fault)
        set(timeout 60)
        if(kind STREQUAL "oracle" OR kind STREQUAL "sim")
            set(timeout 150)
        endif()
        file(GLOB sources CONFIGURE_DEPENDS tests/${kind}/test_*.c)
        foreach(source IN LISTS sources)
            get_filename_component(name ${source} NAME_WE)
            string(REGEX REPLACE "^test_" "" name ${name})
            add_cmocka_test(${kind}_${name} ${source} ${timeout} "${kind}")
        endforeach()
    endforeach()
endif()

file(GLOB sources CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)
foreach(source IN LISTS sources)
    get_filename_component(target ${source} NAME_WE)
    string(REGEX REPLACE "^fuzz_" "" name ${target})
    if(TALLYWHEEL_FUZZ)
        add_executable(${target} ${source})
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    else()
        add_executable(${target} ${source} tests/fuzz/replay_main.c)
        register_test(${target} 60 "fuzz"
            ${target} "${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name}")
    endif()
    target_include_directories(${target} PRIVATE tests)
    target_link_libraries(${target} PRIVATE tallywheel_flags ${test_support} ${tallywheel_below})
endforeach()

# Tests in Python of the server as a whole: they start it themselves. Under the thread sanitizer too.
if(TARGET tallywheel)
    function(register_server_test name timeout label)
        register_test(${name} ${timeout} "${label};server" ${CMAKE_COMMAND} -E env
            "TALLYWHEEL=$<TARGET_FILE:tallywheel>" ${ARGN})
    endfunction()

    foreach(partitions 1 2 3 8)
        register_server_test(oracle_answers_${partitions} 240 "oracle"
            "${CMAKE_SOURCE_DIR}/tests/oracle/oracle.py" --partitions ${partitions})
        register_server_test(oracle_seasons_${partitions} 120 "oracle"
            "${CMAKE_SOURCE_DIR}/tests/oracle/seasons.py" --partitions ${partitions})
    endforeach()
    register_server_test(oracle_live 90 "oracle" "${CMAKE_SOURCE_DIR}/tests/oracle/live.py")
    register_server_test(replay_server 60 "replay"
        "${CMAKE_SOURCE_DIR}/tests/replay/replay.py" "$<TARGET_FILE_DIR:replay_replay>")
    register_server_test(input_hostile 60 "input"
        "${CMAKE_SOURCE_DIR}/tests/input/test_input.py")

    register_server_test(fault_kill 60 "fault" "${CMAKE_SOURCE_DIR}/tests/fault/kill.py")
    register_server_test(fault_producers 60 "fault"
        "${CMAKE_SOURCE_DIR}/tests/fault/producers.py")
    register_server_test(fault_full_disk 90 "fault" "${CMAKE_SOURCE_DIR}/tests/fault/full_disk.py")

    # The RESP port beside a real redis-server; tests/redis/clients/check is a stage of scripts/test.
    set(differential_commands 20000)
    if(TALLYWHEEL_SANITIZE)
        set(differential_commands 8000)
    endif()
    foreach(partitions 1 3)
        register_server_test(redis_differential_${partitions} 90 "redis"
            "${CMAKE_SOURCE_DIR}/tests/redis/differential.py" --tallywheel "$<TARGET_FILE:tallywheel>"
            --partitions ${partitions} --seed ${partitions} --commands ${differential_commands}
            --restarts 4)
        register_server_test(redis_waits_${partitions} 90 "redis"
            "${CMAKE_SOURCE_DIR}/tests/redis/waits.py" --tallywheel "$<TARGET_FILE:tallywheel>"
            --partitions ${partitions} --seconds 3)
        register_server_test(redis_peer_${partitions} 90 "redis"
            "${CMAKE_SOURCE_DIR}/tests/redis/peer.py" --tallywheel "$<TARGET_FILE:tallywheel>"
            --partitions ${partitions})
    endforeach()
    # Under TSan each page of a reply costs the kernel several, and gigabytes of them minutes.
    set(hostile_reads 2000)
    if(TALLYWHEEL_SANITIZE MATCHES "thread")
        set(hostile_reads 200)
    endif()
    register_server_test(redis_hostile 240 "redis"
        "${CMAKE_SOURCE_DIR}/tests/redis/hostile.py" --tallywheel "$<TARGET_FILE:tallywheel>"
        --reads ${hostile_reads})
    # Defined boards and streams by the same commands, beside a recount.
    foreach(partitions 1 3)
        register_server_test(redis_named_${partitions} 90 "redis"
            "${CMAKE_SOURCE_DIR}/tests/redis/named.py" --tallywheel "$<TARGET_FILE:tallywheel>"
            --partitions ${partitions} --seed ${partitions})
    endforeach()
endif()

# So is the comparison with Redis: every fault that is planted in a second redis-server is found.
if(NOT TALLYWHEEL_FUZZ AND NOT TALLYWHEEL_SANITIZE)
    register_test(redis_self_test 180 "redis" "${CMAKE_SOURCE_DIR}/tests/redis/differential.py"
        --self-test --seed 7)
endif()

# The checker of the style is checked too: every fault that is planted must be found.
if(NOT TALLYWHEEL_FUZZ AND NOT TALLYWHEEL_SANITIZE AND EXISTS "${CMAKE_SOURCE_DIR}/tools/tidy")
    register_test(tidy_canary 60 "tidy" "${CMAKE_SOURCE_DIR}/tools/tidy" --self-test)
endif()

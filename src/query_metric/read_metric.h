// SPDX-License-Identifier: Apache-2.0
/* read_metric.h - the kinds of read of metrics; see query/read_request.h. */
#ifndef TALLYWHEEL_QUERY_METRIC_READ_METRIC_H
#define TALLYWHEEL_QUERY_METRIC_READ_METRIC_H

#include "query/read_request.h"

read_parse_fn read_metric_range_parse;
read_parse_fn read_metric_labels_parse;

#endif

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The tracepoints, and functions by which Rust fires them.
 */

#define CREATE_TRACE_POINTS
#include "trace.h"

#include "helpers.h"

void kvmgt_trace_attach(const char *dev, unsigned int major, unsigned int minor,
			unsigned long long features, unsigned int tracked,
			unsigned int lacking)
{
	trace_gvt_attach(dev, major, minor, features, tracked, lacking);
}

void kvmgt_trace_detach(const char *dev)
{
	trace_gvt_detach(dev);
}

void kvmgt_trace_gpu_reset(const char *dev, unsigned int engines, unsigned int phase)
{
	trace_gvt_gpu_reset(dev, engines, phase);
}

void kvmgt_trace_suspend(const char *dev)
{
	trace_gvt_suspend(dev);
}

void kvmgt_trace_resume(const char *dev)
{
	trace_gvt_resume(dev);
}

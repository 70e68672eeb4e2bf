"""Reports of a run: plain data first, then the same data as a page, a workbook and figures."""

from kezhi.reports.build import build
from kezhi.reports.customer_value import ValueReport
from kezhi.reports.excel import write_excel
from kezhi.reports.page import write_html

__all__ = ["ValueReport", "build", "write_excel", "write_html"]

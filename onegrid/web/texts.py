"""What every page may have to say (Chinese)."""

from __future__ import annotations

WRONG_HOST = "没有访问权限：请求的地址不是本服务的地址。"
WRONG_ORIGIN = "没有访问权限：请求不是从本页发出的。请刷新页面后重试。"
FAILED = "出错了，本次操作没有保存。请重试；若仍不行，请告诉管理员（终端里有一行提示）。"
